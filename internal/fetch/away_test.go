package fetch_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"testing"

	"github.com/mcpkeep/mcpkeep/internal/fetch"
	"github.com/mcpkeep/mcpkeep/internal/fetch/fetchtest"
)

type noSuchHost struct{}

func (noSuchHost) LookupNetIP(_ context.Context, _, host string) ([]netip.Addr, error) {
	return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
}

// TestAway: CIMD-16, E9. A site that cannot be reached or is out of order is away; one that
// answers is not, and neither is an address that is never asked. E1: a name in the
// network behind us is like one that does not exist.
func TestAway(t *testing.T) {
	t.Parallel()
	s := fetchtest.New(t)
	ours := fetch.Config{Networks: []netip.Prefix{fetchtest.Network()}, RootCAs: s.Roots}
	for path, status := range map[string]int{
		"/429": 429, "/500": 500, "/502": 502, "/503": 503, "/403": 403, "/404": 404, "/410": 410, "/302": 302, "/200": 200,
	} {
		s.Handle(path, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) })
	}
	s.Handle("/down", fetchtest.Down)
	for name, tt := range map[string]struct {
		cfg  fetch.Config
		url  string
		away bool
	}{
		"429": {ours, s.URL + "/429", true}, "500": {ours, s.URL + "/500", true}, "502": {ours, s.URL + "/502", true},
		"503": {ours, s.URL + "/503", true}, "down": {ours, s.URL + "/down", true},
		"403": {ours, s.URL + "/403", false}, "404": {ours, s.URL + "/404", false}, "410": {ours, s.URL + "/410", false},
		"302": {ours, s.URL + "/302", false}, "no JSON": {ours, s.URL + "/200", false},
		"unknown authority": {fetch.Config{Networks: ours.Networks}, s.URL + "/200", true},
		"no such name":      {fetch.Config{Resolver: noSuchHost{}}, "https://nowhere.example/c", true},
		"internal name":     {fetch.Config{Resolver: answers("10.0.0.1")}, "https://db.internal.example/c", true},
		"internal address":  {fetch.Config{}, "https://10.0.0.1/c", false},
		"no https":          {fetch.Config{}, "http://client.example/c", false},
	} {
		_, err := fetch.New(tt.cfg).Get(t.Context(), tt.url, "")
		var e *fetch.Error
		if !errors.As(err, &e) || e.Away != tt.away {
			t.Errorf("%s: %v", name, err)
		}
	}
}
