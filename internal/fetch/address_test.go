package fetch_test

import (
	"net/netip"
	"testing"

	"github.com/mcpkeep/mcpkeep/internal/fetch"
)

// TestIsPublic: CIMD-04.
func TestIsPublic(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]bool{
		"8.8.8.8": true, "1.1.1.1": true, "93.184.216.34": true, "172.15.255.255": true, "172.32.0.0": true,
		"100.63.255.255": true, "100.128.0.0": true, "169.253.0.1": true, "223.255.255.255": true, "168.63.129.15": true,
		"2606:4700::1111": true, "2a00:1450:4001:80b::200e": true, "2001:4860:4860::8888": true, "2001:200::1": true,
		"0.0.0.0": false, "0.1.2.3": false, "10.0.0.1": false, "10.255.255.255": false, "100.64.0.1": false,
		"100.100.100.200": false, "127.0.0.1": false, "127.255.255.254": false, "168.63.129.16": false,
		"169.254.169.254": false, "169.254.0.1": false, "172.16.0.1": false, "172.31.255.255": false, "192.0.0.1": false,
		"192.0.0.192": false, "192.0.2.1": false, "192.88.99.1": false, "192.168.0.1": false, "198.18.0.1": false,
		"198.19.255.255": false, "198.51.100.1": false, "203.0.113.1": false, "224.0.0.1": false, "239.255.255.255": false,
		"240.0.0.1": false, "255.255.255.255": false,
		"::": false, "::1": false, "::ffff:8.8.8.8": false, "::ffff:127.0.0.1": false, "::ffff:0:127.0.0.1": false,
		"::127.0.0.1": false, "64:ff9b::7f00:1": false, "64:ff9b::808:808": false, "64:ff9b:1::1": false, "100::1": false,
		"2001::1": false, "2001:0:7f00:1::": false, "2001:10::1": false, "2001:db8::1": false, "2002:7f00:1::": false,
		"2002:808:808::": false, "3fff::1": false, "5f00::1": false, "fc00::1": false, "fd00::1": false,
		"fd00:ec2::254": false, "fd20:ce::254": false, "fe80::1": false, "fe80::1%eth0": false, "fec0::1": false,
		"ff02::1": false, "2606:4700::1111%1": false,
	} {
		if got := fetch.IsPublic(netip.MustParseAddr(s)); got != want {
			t.Errorf("IsPublic(%s) = %t", s, got)
		}
	}
	if fetch.IsPublic(netip.Addr{}) {
		t.Error("no address is public")
	}
}

func TestSite(t *testing.T) {
	t.Parallel()
	for host, want := range map[string]string{
		"claude.ai": "claude.ai", "A.B.Example.COM.": "example.com", "a.b.example.co.uk": "example.co.uk",
		"x.github.io": "x.github.io", "localhost": "localhost", "127.0.0.1": "127.0.0.1", "::1": "::1", "co.uk": "co.uk",
	} {
		if got := fetch.Site(host); got != want {
			t.Errorf("Site(%q) = %q, want %q", host, got, want)
		}
	}
}
