package autotls

import (
	"crypto/tls"
	"crypto/x509"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/caddyserver/certmagic"
	"github.com/mholt/acmez/v3"

	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// Config says which certificates to obtain, and from whom.
type Config struct {
	Names []string // DNS names or IP addresses
	Store storage.CertificateStore
	// Directory is the URL of the certificate authority's directory, "" for Let's Encrypt.
	Directory string
	Roots     *x509.CertPool // of that server; nil for the system's
	Email     string         // of the operator, for the authority; "" for none
	// HTTPS is where this process listens. HTTP is where it listens with [Manager.HTTP],
	// nil for nowhere: then the authority can only ask on the HTTPS port.
	HTTPS, HTTP *net.TCPAddr
	Logger      *slog.Logger
	// Now is the clock of the locks in Store, which all replicas share; nil for time.Now.
	Now func() time.Time
}

// Manager obtains certificates and renews them. Make it with [New]; it does nothing
// before Run.
type Manager struct {
	cfg    Config
	cache  *certmagic.Cache
	magic  *certmagic.Config
	acme   *certmagic.ACMEIssuer
	trials map[string]*trial
	served map[string]string // the serial number of a name's certificate, as logged

	mu   sync.Mutex
	said map[string]said // what was last logged of a name's troubles
}

type said struct {
	text string
	at   time.Time
}

// trial is how often a name's certificate could not be obtained in a row.
type trial struct {
	attempts int
	next     time.Time
}

// New returns a manager. Close it.
func New(c Config) *Manager {
	m := &Manager{cfg: c, trials: map[string]*trial{}, served: map[string]string{}, said: map[string]said{}}
	log := quietly(c.Logger)
	m.cache = certmagic.NewCache(certmagic.CacheOptions{
		GetConfigForCert: m.configOf, RenewCheckInterval: seldom, Logger: log,
	})
	m.setInterval(often)
	m.magic = certmagic.New(m.cache, certmagic.Config{
		Storage: newFiles(c.Store, c.Now), Logger: log,
		// A client without SNI, such as a health check by address, gets the first.
		DefaultServerName: c.Names[0],
		// Let's Encrypt has no OCSP any more, and a responder that is slow would delay
		// the start. Of a revocation the authority tells by its renewal information.
		OCSP:          certmagic.OCSPConfig{DisableStapling: true},
		CertSelection: newest{},
	})
	m.acme = certmagic.NewACMEIssuer(m.magic, m.authority(log.Named("acme")))
	m.magic.Issuers = []certmagic.Issuer{issuer{m.acme, m.refused}}
	return m
}

func (m *Manager) configOf(certmagic.Certificate) (*certmagic.Config, error) { return m.magic, nil }

// setInterval tells certmagic how often certificates are looked at: it renews that much earlier
// than the authority suggests.
func (m *Manager) setInterval(every time.Duration) {
	m.cache.SetOptions(certmagic.CacheOptions{GetConfigForCert: m.configOf, RenewCheckInterval: every})
}

// newest prefers the certificate that is good for the longest.
type newest struct{}

// SelectCertificate implements certmagic.CertificateSelector.
func (newest) SelectCertificate(_ *tls.ClientHelloInfo, choices []certmagic.Certificate) (certmagic.Certificate, error) {
	return slices.MaxFunc(choices, func(a, b certmagic.Certificate) int { return a.Leaf.NotAfter.Compare(b.Leaf.NotAfter) }), nil
}

// TLSConfig is for the server on Config.HTTPS. It answers challenges, too.
func (m *Manager) TLSConfig() *tls.Config {
	c := secure(m.magic.GetCertificate)
	c.NextProtos = append(c.NextProtos, acmez.ACMETLS1Protocol)
	return c
}

// secure is what all our TLS has in common.
func secure(certificate func(*tls.ClientHelloInfo) (*tls.Certificate, error)) *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12, NextProtos: []string{"h2", "http/1.1"}, GetCertificate: certificate,
	}
}

// HTTP is for the server on Config.HTTP: it answers challenges, and everything else is for
// next.
func (m *Manager) HTTP(next http.Handler) http.Handler { return m.acme.HTTPChallengeHandler(next) }

// Close ends what [Manager.Run] left behind. Call it after Run has returned.
func (m *Manager) Close() { m.cache.Stop() }
