package doctor

import (
	"context"
	"net"
	"net/http"
	"net/netip"
	"net/url"

	"github.com/mcpkeep/mcpkeep/internal/oauth"
	"github.com/mcpkeep/mcpkeep/internal/upstreams"
)

// mostAddresses bounds how many addresses an upstream is looked for at.
const mostAddresses = 16

// exposure warns of an upstream that others can reach as well. What a firewall lets through
// cannot be seen from here.
func (d *Doctor) exposure(ctx context.Context, u upstreams.Upstream) {
	if u.Target.Socket != "" {
		d.ok(areaUpstream, "upstream_private", named(u)+" is at a Unix socket")
		return
	}
	addrs, err := addressesOf(ctx, u)
	if err != nil { // another finding says that it cannot be reached
		d.skip(areaUpstream, "upstream_private", "the addresses of "+named(u)+" are unknown")
		return
	}
	for _, host := range d.elsewhere(addrs) {
		if answersAt(ctx, u, host) {
			d.exposed(u, "answers MCP requests without a credential at "+host, "Users who can connect to that address need no sign-in.")
			return
		}
	}
	for _, addr := range addrs {
		if !isNear(addr) {
			d.exposed(u, "has the public address "+addr.String(), "If it answers others as well, they need no sign-in.")
			return
		}
	}
	d.ok(areaUpstream, "upstream_private", named(u)+" is on this machine or in a private network, and does not answer at other addresses of this machine")
}

func (d *Doctor) exposed(u upstreams.Upstream, what, why string) {
	d.add(Finding{
		Area: areaUpstream, Check: "upstream_private", Status: Warning, What: named(u) + " " + what, Why: why,
		Fix: "Bind it to 127.0.0.1, a Unix socket or a private network, or have it demand a credential that `headers` sends.",
	})
}

// elsewhere returns where an upstream may answer as well: for one on loopback this machine's
// other addresses and the host of the base URL, and for a public one itself.
func (d *Doctor) elsewhere(addrs []netip.Addr) (hosts []string) {
	isHere := false
	for _, addr := range addrs {
		isHere = isHere || addr.IsLoopback()
		if !isNear(addr) {
			hosts = append(hosts, addr.String())
		}
	}
	if !isHere {
		return hosts
	}
	find := d.Addresses
	if find == nil {
		find = machineAddresses
	}
	for _, addr := range find() {
		hosts = append(hosts, addr.String())
	}
	if base, err := url.Parse(d.BaseURL); err == nil && base.Hostname() != "" && !oauth.Loopback(d.BaseURL) {
		hosts = append(hosts, base.Hostname())
	}
	return hosts[:min(len(hosts), mostAddresses)]
}

// answersAt reports whether an upstream's port at another host speaks MCP with whom it does not
// know.
func answersAt(ctx context.Context, u upstreams.Upstream, host string) bool {
	at := *u.Target.URL
	at.Host = host
	if addr, err := netip.ParseAddr(host); err == nil && addr.Is6() {
		at.Host = "[" + host + "]"
	}
	if port := u.Target.URL.Port(); port != "" {
		at.Host = net.JoinHostPort(host, port)
	}
	p := u
	p.Target.URL, p.Headers = &at, nil
	probe := newProbe(p)
	probe.host = u.Target.URL.Host // some servers refuse others, and anyone can send it
	a, err := probe.initialize(ctx, oldestRevision)
	return err == nil && a.StatusCode < http.StatusMultipleChoices && a.isMCP()
}

// machineAddresses are those by which others can reach this machine.
func machineAddresses() (list []netip.Addr) {
	all, err := net.InterfaceAddrs()
	if err != nil {
		return nil
	}
	for _, a := range all {
		prefix, err := netip.ParsePrefix(a.String())
		if addr := prefix.Addr().Unmap(); err == nil && !addr.IsLoopback() && !addr.IsLinkLocalUnicast() {
			list = append(list, addr)
		}
	}
	return list
}

// addressesOf returns the addresses that an upstream's host has.
func addressesOf(ctx context.Context, u upstreams.Upstream) ([]netip.Addr, error) {
	ctx, cancel := context.WithTimeout(ctx, outsideWait)
	defer cancel()
	addrs, err := net.DefaultResolver.LookupNetIP(ctx, "ip", u.Target.URL.Hostname())
	for i, addr := range addrs {
		addrs[i] = addr.Unmap()
	}
	return addrs, err
}

func isNear(a netip.Addr) bool { return a.IsLoopback() || a.IsPrivate() || a.IsLinkLocalUnicast() }
