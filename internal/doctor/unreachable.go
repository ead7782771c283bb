package doctor

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"syscall"
)

// noAnswer reports why the base URL does not answer.
func (d *Doctor) noAnswer(err error) {
	u, _ := url.Parse(d.origin)
	host, why := u.Host, "No client can connect."
	if d.origin != d.BaseURL {
		why = "No client can connect at this name. A name that only other machines know cannot be checked from here."
	}
	var dns *net.DNSError
	var record tls.RecordHeaderError
	var netErr net.Error
	switch {
	case errors.As(err, &dns):
		d.add(d.reached("the host name "+u.Hostname()+" cannot be resolved: "+dns.Err, why,
			"Create the DNS record, or correct the host name in MCPKEEP_BASE_URL; inside a private network, check its DNS."))
	case d.judgeCertificate(err, u.Hostname()):
	case errors.Is(err, http.ErrSchemeMismatch), errors.As(err, &record):
		d.add(d.reached("the base URL is https, but nothing speaks TLS at "+host, why,
			"Put TLS in front of the server (a proxy or load balancer), or correct the port in MCPKEEP_BASE_URL."))
	case errors.Is(err, syscall.ECONNREFUSED):
		d.refusedConnection(host)
	case errors.As(err, &netErr) && netErr.Timeout():
		d.add(d.reached(fmt.Sprintf("%s does not respond within %v", host, outsideWait), why,
			"Open the firewall, and check that the load balancer has a healthy server."))
	default:
		d.add(d.reached(host+": "+oneLine(err), why, "Check that the server runs and that the proxy forwards to it."))
	}
}

// refusedConnection reports that nothing listens. On the user's own machine it means
// that the server does not run, which is not a fault of the deployment.
func (d *Doctor) refusedConnection(host string) {
	f := d.reached("nothing listens at "+host, "No client can connect.", "Start the server: `mcpkeep serve`.")
	if d.Loopback {
		f.Status = Warning
	} else {
		f.Fix = "Start the server and the proxy in front of it, and check the port in MCPKEEP_BASE_URL."
	}
	d.add(f)
}
