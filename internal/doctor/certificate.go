package doctor

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/url"
	"time"
)

const (
	// longestNotice is how long before it expires a certificate should have been renewed.
	longestNotice = 14 * 24 * time.Hour
	// noticePart is the same as a part of its lifetime, for short ones: programs renew
	// when a third of it is left.
	noticePart = 6
)

// judgeCertificate reports whether a certificate is the problem, and adds a finding.
func (d *Doctor) judgeCertificate(err error, host string) bool {
	var what, fix string
	var unknown x509.UnknownAuthorityError
	var invalid x509.CertificateInvalidError
	var name x509.HostnameError
	switch {
	case errors.As(err, &unknown):
		what = "the certificate of " + host + " is not from a trusted authority (for example self-signed), or its chain is missing"
		fix = "Use a certificate from a public authority such as Let's Encrypt, and serve its chain (fullchain.pem)."
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		what = fmt.Sprintf("the certificate of %s has expired or is not valid yet (%s to %s)", host,
			invalid.Cert.NotBefore.UTC().Format("2006-01-02"), invalid.Cert.NotAfter.UTC().Format("2006-01-02"))
		fix = "Renew the certificate, and check this machine's clock."
	case errors.As(err, &name):
		what = "the certificate is not for " + host
		fix = "Get a certificate for " + host + ", or correct the host name in MCPKEEP_BASE_URL."
	case errors.As(err, &invalid):
		what = "the certificate of " + host + " is not valid: " + invalid.Error()
		fix = "Replace the certificate."
	default:
		return false
	}
	d.add(badCertificate(what, fix))
	return true
}

func badCertificate(what, fix string) Finding {
	return Finding{Area: areaOutside, Check: "certificate", Status: Failed, What: what, Why: "Clients refuse to connect.", Fix: fix}
}

// judgeLifetime says how long the certificate of a connection is good for.
func (d *Doctor) judgeLifetime(state *tls.ConnectionState) {
	if state == nil || len(state.PeerCertificates) == 0 {
		return
	}
	u, _ := url.Parse(d.origin)
	cert := state.PeerCertificates[0]
	if f, soon := d.expiresSoon(cert, u.Hostname()); soon {
		d.add(f)
		return
	}
	d.ok(areaOutside, "certificate", "the certificate of "+u.Hostname()+" is valid until "+day(cert.NotAfter))
}

// certificateFile checks the certificate that serve reads from a file, which clients may
// not see yet.
func (d *Doctor) certificateFile() {
	if d.Certificate == nil {
		return
	}
	sound := true
	for _, origin := range d.origins() {
		u, err := url.Parse(origin)
		if err != nil || origin == "" || d.Certificate.VerifyHostname(u.Hostname()) == nil {
			continue
		}
		sound = false
		d.add(badCertificate("the certificate in MCPKEEP_TLS_CERT is not for "+u.Hostname(),
			"Get a certificate for all names of MCPKEEP_BASE_URL, or correct the host name there."))
	}
	if f, soon := d.expiresSoon(d.Certificate, "MCPKEEP_TLS_CERT"); soon {
		sound = false
		d.add(f)
	}
	if sound {
		d.ok(areaOutside, "certificate", "the certificate in MCPKEEP_TLS_CERT is for this server and valid until "+day(d.Certificate.NotAfter))
	}
}

// expiresSoon returns a finding about a certificate that should have been renewed.
func (d *Doctor) expiresSoon(cert *x509.Certificate, of string) (Finding, bool) {
	left, notice := cert.NotAfter.Sub(d.now()), min(longestNotice, cert.NotAfter.Sub(cert.NotBefore)/noticePart)
	if left >= notice {
		return Finding{}, false
	}
	return Finding{
		Area: areaOutside, Check: "certificate", Status: Warning, What: fmt.Sprintf("the certificate of %s expires on %s", of, day(cert.NotAfter)),
		Why: "Clients refuse to connect from then on. It should have been renewed by now.",
		Fix: "Renew it, and see in the log of the program that renews it why that failed.",
	}, true
}

func day(t time.Time) string { return t.UTC().Format("2006-01-02") }
