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

// To sends the following requests to another process.
func (r *Route) To(p *Process) { r.address.Store(p.Address()) }
