package fetch

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"syscall"
)

// Resolver looks names up; net.DefaultResolver is one.
type Resolver interface {
	LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
}

// Ports that may be connected to: https's own, and in networks that the operator
// allows also those that services without privileges have.
const (
	httpsPort       = 443
	firstOpenedPort = 1024
)

var errNotPublic = errors.New("not a public address")

// dial connects to a checked address of the host: the name is looked up once, and
// what is connected to is the address that was looked at, not the name.
func (f *Fetcher) dial(ctx context.Context, network, hostport string) (net.Conn, error) {
	host, portText, err := net.SplitHostPort(hostport)
	if err != nil {
		return nil, err
	}
	port, err := strconv.ParseUint(portText, 10, 16)
	if err != nil {
		return nil, err
	}
	addrs, err := f.resolve(ctx, host)
	if err != nil {
		return nil, err
	}
	for _, a := range addrs {
		if !f.allowed(netip.AddrPortFrom(a, uint16(port))) {
			// One bad address spoils all: no one honest mixes them.
			return nil, fmt.Errorf("%s port %d: %w", a, port, errNotPublic)
		}
	}
	return f.dialFirst(ctx, network, addrs, uint16(port))
}

func (f *Fetcher) resolve(ctx context.Context, host string) ([]netip.Addr, error) {
	if a, err := netip.ParseAddr(strings.Trim(host, "[]")); err == nil {
		return []netip.Addr{a}, nil
	}
	if strings.Contains(host, ".") {
		host = strings.TrimSuffix(host, ".") + "." // complete: the machine's search list has no part in it
	}
	addrs, err := f.resolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return nil, err
	}
	if len(addrs) == 0 {
		return nil, errors.New("the host name has no address")
	}
	for i, a := range addrs {
		addrs[i] = a.Unmap() // resolvers give addresses of version 4 in either form
	}
	return addrs, nil
}

// allowed reports whether we may connect.
func (f *Fetcher) allowed(a netip.AddrPort) bool {
	if containedIn(f.networks, a.Addr()) {
		return a.Port() == httpsPort || a.Port() >= firstOpenedPort
	}
	return a.Port() == httpsPort && IsPublic(a.Addr())
}

// dialFirst connects to the first address that answers.
func (f *Fetcher) dialFirst(ctx context.Context, network string, addrs []netip.Addr, port uint16) (net.Conn, error) {
	dialer := net.Dialer{Timeout: connectWait, Control: f.control}
	var errs []error
	for _, a := range addrs[:min(len(addrs), maxAddresses)] {
		conn, err := dialer.DialContext(ctx, network, netip.AddrPortFrom(a, port).String())
		if err == nil {
			return conn, nil
		}
		errs = append(errs, err)
	}
	return nil, errors.Join(errs...)
}

// control is asked by the dialer about the very address that the socket is about
// to connect to.
func (f *Fetcher) control(_, address string, _ syscall.RawConn) error {
	a, err := netip.ParseAddrPort(address)
	if err != nil || !f.allowed(a) {
		return fmt.Errorf("%s: %w", address, errNotPublic)
	}
	return nil
}
