package autotls

import (
	"cmp"
	"net"
	"strings"
	"time"

	"github.com/caddyserver/certmagic"
	"go.uber.org/zap"
)

// obtainFor bounds how long an order waits for the authority.
const obtainFor = 90 * time.Second

// authority says how to talk to the certificate authority. certmagic opens listeners of
// its own for challenges if nothing listens at these addresses; our servers do.
func (m *Manager) authority(log *zap.Logger) certmagic.ACMEIssuer {
	c := m.cfg
	a := certmagic.ACMEIssuer{
		CA: cmp.Or(c.Directory, certmagic.LetsEncryptProductionCA), Email: c.Email, Agreed: true,
		TrustedRoots: c.Roots, CertObtainTimeout: obtainFor, Logger: log,
		ListenHost: host(c.HTTPS), AltTLSALPNPort: c.HTTPS.Port, DisableHTTPChallenge: c.HTTP == nil,
	}
	if c.Directory == "" {
		// After a refusal certmagic tries there first, which does not count.
		a.TestCA = certmagic.LetsEncryptStagingCA
	}
	if c.HTTP != nil {
		a.AltHTTPPort = c.HTTP.Port
	}
	return a
}

// host is where to listen, "" for all addresses.
func host(a *net.TCPAddr) string {
	if a.IP.IsUnspecified() {
		return ""
	}
	return a.IP.String()
}

// Public reports whether a public authority may have a certificate for a host. It has none
// for a name without a dot.
func Public(host string) bool {
	return certmagic.SubjectQualifiesForPublicCert(host) && strings.ContainsAny(host, ".:")
}
