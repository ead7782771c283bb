package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"syscall"

	"github.com/mcpkeep/mcpkeep/internal/app"
)

// listeners are what the server accepts connections from, the configured address first.
type listeners []net.Listener

func (open listeners) close() {
	for _, l := range open {
		_ = l.Close()
	}
}

// protocols are HTTP/1.1 and, for proxies that speak it to what is behind them, HTTP/2
// without TLS.
func protocols() *http.Protocols {
	var p http.Protocols
	p.SetHTTP1(true)
	p.SetHTTP2(true)
	p.SetUnencryptedHTTP2(true)
	return &p
}

// listenAt listens on an address. On loopback it listens on the other IP version too:
// localhost means both, and a client may try either.
func listenAt(ctx context.Context, address string, log *slog.Logger) (listeners, app.Addresses, error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		return nil, app.Addresses{}, fmt.Errorf("MCPKEEP_LISTEN (--listen): %w", err)
	}
	open := listeners{listener}
	addr, ok := listener.Addr().(*net.TCPAddr)
	if !ok || !addr.IP.IsLoopback() {
		return open, app.Addresses{}, nil
	}
	port := strconv.Itoa(addr.Port)
	host := addr.IP.String()
	if addr.IP.To4() == nil {
		host = "[" + host + "]"
	}
	hosts := []string{host}
	if other := map[string]string{"127.0.0.1": "::1", "[::1]": "127.0.0.1"}[host]; other != "" {
		second, names := listenBeside(ctx, other, port, log)
		if second != nil {
			open = append(open, second)
		}
		hosts = append(hosts, names...)
	}
	own := app.LoopbackOrigins("http", port, hosts...)
	return open, app.Addresses{BaseURL: own[0], Names: own, All: true}, nil
}

// listenBeside listens on a port of the other loopback address, and returns the names that
// lead here then. Where another program has the port, localhost leads some clients there,
// with their tokens, and is not offered.
func listenBeside(ctx context.Context, host, port string, log *slog.Logger) (net.Listener, []string) {
	address := net.JoinHostPort(host, port)
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	switch {
	case err == nil && host == "::1":
		return listener, []string{"localhost", "[::1]"}
	case err == nil:
		return listener, []string{"localhost", host}
	case errors.Is(err, syscall.EADDRNOTAVAIL), errors.Is(err, syscall.EAFNOSUPPORT), errors.Is(err, syscall.EPROTONOSUPPORT):
		return nil, []string{"localhost"} // no IPv6 on this machine
	}
	log.WarnContext(ctx, "another program has this address: localhost is not offered, use the base URL", "address", address, "error", err)
	return nil, nil
}
