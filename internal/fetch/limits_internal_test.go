package fetch

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"testing"
)

// TestDefaultSlots: E4. Without other numbers, two fetches of one site and sixteen of all are
// under way, as documented.
func TestDefaultSlots(t *testing.T) {
	t.Parallel()
	f := New(Config{})
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	var all []func()
	taken := func(host string) bool {
		release, err := f.slots.take(t.Context(), Site(host))
		all = append(all, release)
		return err == nil
	}
	full := func(host string) bool {
		for range 100 { // a select with two ways takes either
			if release, err := f.slots.take(ended, Site(host)); err == nil {
				release()
				return false
			}
		}
		return true
	}
	for i := range 16 {
		if host := fmt.Sprintf("host%d.example%d.com", i, i/2); full(host) || !taken(host) {
			t.Fatalf("fetch %d finds no slot", i)
		}
		if i == 1 && !full("another.example0.com") {
			t.Error("a third fetch of one site is let in")
		}
	}
	if !full("one.more.example.net") {
		t.Error("a seventeenth fetch is let in")
	}
	for _, release := range all {
		release()
	}
	if len(f.slots.atOnce) != 0 || len(f.slots.sites) != 0 {
		t.Errorf("%d slots of %d sites are taken after all fetches ended", len(f.slots.atOnce), len(f.slots.sites))
	}
}

// TestDialerLooksAgain: the dialer refuses an address that is not public by itself, also
// if the check before it let the address pass.
func TestDialerLooksAgain(t *testing.T) {
	t.Parallel()
	f := New(Config{})
	for _, host := range []string{"127.0.0.1", "::1", "10.0.0.1", "169.254.169.254", "::ffff:127.0.0.1"} {
		conn, err := f.dialFirst(t.Context(), "tcp", []netip.Addr{netip.MustParseAddr(host)}, httpsPort)
		if conn != nil || !errors.Is(err, errNotPublic) {
			t.Errorf("%s: %v", host, err)
		}
	}
	for _, address := range []string{"93.184.216.34:80", "127.0.0.1:443", "example.com:443", ""} {
		if err := f.control("tcp", address, nil); !errors.Is(err, errNotPublic) {
			t.Errorf("%q: %v", address, err)
		}
	}
	if err := f.control("tcp", "93.184.216.34:443", nil); err != nil {
		t.Error(err)
	}
}
