package harness

import (
	"context"
	"net"
	"net/http"
	"sync/atomic"
)

// Route is a load balancer: whatever the URL says, requests go to one process,
// and that can be changed at any time.
type Route struct {
	http.RoundTripper
	address atomic.Value
}

// NewRoute returns a route to a process.
func NewRoute(p *Process) *Route {
	r := &Route{}
	r.To(p)
	r.RoundTripper = &http.Transport{
		DisableKeepAlives: true, // each request may go elsewhere
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			address, _ := r.address.Load().(string)
			return (&net.Dialer{}).DialContext(ctx, network, address)
		},
	}
	return r
}

// Of returns the way to a server whose origin leads to the route; requests for other sites go
// there.
func (r *Route) Of(server string) http.RoundTripper { return siteRoute{r, server} }

type siteRoute struct {
	route  *Route
	server string
}

func (s siteRoute) RoundTrip(req *http.Request) (*http.Response, error) {
	if origin(req.URL) == s.server {
		return s.route.RoundTrip(req)
	}
	return http.DefaultTransport.RoundTrip(req)
}

// To sends the following requests to another process.
func (r *Route) To(p *Process) { r.address.Store(p.Address()) }
