package doctor

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"syscall"
)

// noAnswer says why the base URL does not answer.
func (d *Doctor) noAnswer(err error) {
	u, _ := url.Parse(d.BaseURL)
	host := u.Host
	const why = "No client can connect."
	var dns *net.DNSError
	var record tls.RecordHeaderError
	var netErr net.Error
	switch {
	case errors.As(err, &dns):
		d.add(d.reached("the name "+u.Hostname()+" is not known: "+dns.Err, why,
			"Make the DNS record, or mend the name in MCPKEEP_BASE_URL; from inside a network, look whether the name is known there."))
	case d.judgeCertificate(err, u.Hostname()):
	case errors.Is(err, http.ErrSchemeMismatch), errors.As(err, &record):
		d.add(d.reached("nothing speaks TLS at "+host+", though the base URL is https", why,
			"Put TLS in front of the server (a proxy or load balancer), or mend the port in MCPKEEP_BASE_URL."))
	case errors.Is(err, syscall.ECONNREFUSED):
		d.refusedConnection(host)
	case errors.As(err, &netErr) && netErr.Timeout():
		d.add(d.reached(fmt.Sprintf("%s does not answer within %v", host, outsideWait), why,
			"Open the firewall for it, and check that the load balancer has a healthy server behind it."))
	default:
		d.add(d.reached(host+": "+oneLine(err), why, "Check that the server runs and that the proxy forwards to it."))
	}
}

// refusedConnection: on one's own machine it means that the server does not run,
// which is no fault of the set-up.
func (d *Doctor) refusedConnection(host string) {
	f := d.reached("nothing listens at "+host, "No client can connect.", "Start the server: `mcpkeep serve`.")
	if d.Loopback {
		f.Status = Warning
	} else {
		f.Mend = "Start the server and the proxy in front of it, and check the port in MCPKEEP_BASE_URL."
	}
	d.add(f)
}

// judgeCertificate says what is wrong with a certificate, if that is what it is.
func (d *Doctor) judgeCertificate(err error, host string) bool {
	var what, mend string
	var unknown x509.UnknownAuthorityError
	var invalid x509.CertificateInvalidError
	var name x509.HostnameError
	switch {
	case errors.As(err, &unknown):
		what = "the certificate of " + host + " is of an authority that nobody knows, such as a self-signed one, or comes without its chain"
		mend = "Use a certificate of a public authority such as Let's Encrypt, and serve its chain (fullchain.pem)."
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		what = fmt.Sprintf("the certificate of %s has expired or is not valid yet (%s to %s)", host,
			invalid.Cert.NotBefore.UTC().Format("2006-01-02"), invalid.Cert.NotAfter.UTC().Format("2006-01-02"))
		mend = "Renew the certificate, and look at this machine's clock."
	case errors.As(err, &name):
		what = "the certificate is not for " + host
		mend = "Get a certificate for " + host + ", or mend the name in MCPKEEP_BASE_URL."
	case errors.As(err, &invalid):
		what = "the certificate of " + host + " is not valid: " + invalid.Error()
		mend = "Replace the certificate."
	default:
		return false
	}
	d.add(Finding{
		Area: areaOutside, Check: "certificate", Status: Failed, What: what,
		Why: "Clients refuse to connect.", Mend: mend,
	})
	return true
}
