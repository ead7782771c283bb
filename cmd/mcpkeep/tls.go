package main

import (
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/mail"
	"net/url"
	"os"
	"strings"

	"github.com/mcpkeep/mcpkeep/internal/autotls"
	"github.com/mcpkeep/mcpkeep/internal/setting"
)

// tlsFlags say how the server gets its certificate, if it serves HTTPS by itself.
type tlsFlags struct {
	TLS          string `name:"tls" env:"MCPKEEP_TLS" enum:"off,auto" default:"off" placeholder:"MODE" help:"auto serves HTTPS on port 443 with a certificate that the server obtains and renews; port 80 redirects. off leaves HTTPS to a proxy in front."`
	TLSCert      string `name:"tls-cert" env:"MCPKEEP_TLS_CERT" placeholder:"PATH" help:"PEM file with the certificate and its intermediates, to serve HTTPS with instead. Changes are noticed."`
	TLSKey       string `name:"tls-key" env:"MCPKEEP_TLS_KEY" placeholder:"PATH" help:"PEM file with the key of that certificate."`
	TLSDirectory string `name:"tls-directory" env:"MCPKEEP_TLS_DIRECTORY" placeholder:"URL" help:"ACME directory of the certificate authority. Default Let's Encrypt's."`
	TLSCA        string `name:"tls-ca" env:"MCPKEEP_TLS_CA" placeholder:"PATH" help:"PEM file with the roots to trust when connecting to that directory. Default the system's."`
	TLSEmail     string `name:"tls-email" env:"MCPKEEP_TLS_EMAIL" placeholder:"ADDRESS" help:"Your address, for the certificate authority."`
	ListenHTTP   string `name:"listen-http" env:"MCPKEEP_LISTEN_HTTP" placeholder:"ADDR" help:"Address for plain HTTP, which redirects to HTTPS and answers the certificate authority; off for none. Default :80 with --tls=auto, off with --tls-cert."`
}

// Where HTTPS is served by default.
const (
	httpsAddress = ":443"
	httpAddress  = ":80"
)

// secure reports whether the server serves HTTPS by itself.
func (f *tlsFlags) secure() bool { return f.TLS == "auto" || f.TLSCert != "" || f.TLSKey != "" }

// httpListen is where to listen for plain HTTP, "" for nowhere.
func (f *tlsFlags) httpListen() string {
	switch {
	case f.ListenHTTP == "off", f.ListenHTTP == "" && f.TLS != "auto":
		return ""
	case f.ListenHTTP == "":
		return httpAddress
	}
	return f.ListenHTTP
}

// checkTLS refuses settings that do not go together.
func (f *serveFlags) checkTLS() error {
	switch {
	case f.notPaths() != nil:
		return f.notPaths()
	case !f.secure():
		return f.withoutTLS()
	case f.TLS == "auto" && (f.TLSCert != "" || f.TLSKey != ""):
		return setting.Errorf("MCPKEEP_TLS", "one or the other", "auto obtains a certificate, so there is no use for MCPKEEP_TLS_CERT and MCPKEEP_TLS_KEY")
	case f.TLS != "auto" && f.TLSKey == "":
		return setting.Errorf("MCPKEEP_TLS_KEY", "the file with the key of the certificate", "required with MCPKEEP_TLS_CERT")
	case f.TLS != "auto" && f.TLSCert == "":
		return setting.Errorf("MCPKEEP_TLS_CERT", "the file with the certificate of the key", "required with MCPKEEP_TLS_KEY")
	}
	if address := f.httpListen(); address != "" {
		if _, _, err := net.SplitHostPort(address); err != nil {
			return setting.Errorf("MCPKEEP_LISTEN_HTTP", "host:port, such as :80, or off", "%q is not an address", address)
		}
	}
	if err := f.checkAuthority(); err != nil {
		return err
	}
	return f.checkTLSNames()
}

// checkAuthority checks what is said of the certificate authority.
func (f *tlsFlags) checkAuthority() error {
	if f.TLS != "auto" {
		return f.withoutAuthority("with a certificate in files")
	}
	if to, err := mail.ParseAddress(f.TLSEmail); f.TLSEmail != "" && (err != nil || to.Address != f.TLSEmail) {
		return setting.Errorf("MCPKEEP_TLS_EMAIL", "an email address, such as ops@example.com", "%q is not one", f.TLSEmail)
	}
	if u, err := url.Parse(f.TLSDirectory); f.TLSDirectory != "" && (err != nil || u.Scheme != "https" || u.Host == "") {
		return setting.Errorf("MCPKEEP_TLS_DIRECTORY", "an https URL, such as https://acme-v02.api.letsencrypt.org/directory", "not usable")
	}
	return nil
}

// notPaths refuses the content of a file where its path is expected.
func (f *tlsFlags) notPaths() error {
	for _, file := range []struct{ variable, value string }{
		{"MCPKEEP_TLS_KEY", f.TLSKey}, {"MCPKEEP_TLS_CERT", f.TLSCert}, {"MCPKEEP_TLS_CA", f.TLSCA},
	} {
		if file.value != "" && !setting.IsPath(file.value) {
			return setting.Errorf(file.variable, "the path of a PEM file", "not a path")
		}
	}
	return nil
}

// withoutTLS refuses settings that would do nothing without HTTPS.
func (f *serveFlags) withoutTLS() error {
	if f.ListenHTTP != "" && f.ListenHTTP != "off" {
		return noEffect("MCPKEEP_LISTEN_HTTP", "without HTTPS")
	}
	return f.withoutAuthority("without HTTPS")
}

// withoutAuthority refuses settings that only matter to a certificate authority.
func (f *tlsFlags) withoutAuthority(why string) error {
	for _, s := range []struct{ variable, value string }{
		{"MCPKEEP_TLS_DIRECTORY", f.TLSDirectory}, {"MCPKEEP_TLS_CA", f.TLSCA}, {"MCPKEEP_TLS_EMAIL", f.TLSEmail},
	} {
		if s.value != "" {
			return noEffect(s.variable, why)
		}
	}
	return nil
}

func noEffect(variable, why string) error {
	return setting.Errorf(variable, "MCPKEEP_TLS=auto, too", "has no effect %s", why)
}

// checkTLSNames wants addresses that HTTPS can be served for.
func (f *serveFlags) checkTLSNames() error {
	const want = "the public https address, such as https://mcp.example.com"
	if f.BaseURL == "" {
		return setting.Errorf("MCPKEEP_BASE_URL", want, "required for HTTPS")
	}
	for origin := range strings.SplitSeq(f.BaseURL, ",") {
		u, err := url.Parse(strings.TrimSpace(origin))
		switch {
		case strings.TrimSpace(origin) == "": // as a comma at the end leaves
		case err != nil || u.Scheme != "https":
			return setting.Errorf("MCPKEEP_BASE_URL", want, "names an address without HTTPS, and this server serves HTTPS only")
		case f.TLS == "auto" && f.TLSDirectory == "" && !autotls.Public(u.Hostname()):
			return setting.Errorf("MCPKEEP_BASE_URL", want+", or an authority of your own in MCPKEEP_TLS_DIRECTORY",
				"%s is no public name: Let's Encrypt has no certificates for it", u.Hostname())
		}
	}
	return nil
}

// roots are those of MCPKEEP_TLS_CA, nil for the system's.
func (f *tlsFlags) roots() (*x509.CertPool, error) {
	if f.TLSCA == "" {
		return nil, nil //nolint:nilnil // crypto/tls takes nil for the system's
	}
	text, err := os.ReadFile(f.TLSCA)
	if err != nil {
		return nil, fmt.Errorf("MCPKEEP_TLS_CA (--tls-ca): %w", err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(text) {
		return nil, setting.Errorf("MCPKEEP_TLS_CA", "a PEM file with certificates", "%s has none", f.TLSCA)
	}
	return roots, nil
}

// pair reads the files of MCPKEEP_TLS_CERT and MCPKEEP_TLS_KEY, nil when there are none.
func (f *tlsFlags) pair(log *slog.Logger) (*autotls.Pair, error) {
	if f.TLSCert == "" {
		return nil, nil //nolint:nilnil // there need not be any
	}
	pair, err := autotls.NewPair(f.TLSCert, f.TLSKey, log)
	if refused := new(setting.FileError); errors.As(err, &refused) {
		return nil, fmt.Errorf("MCPKEEP_TLS_KEY (--tls-key): %w", err)
	}
	if err != nil {
		return nil, fmt.Errorf("MCPKEEP_TLS_CERT (--tls-cert): %w", err)
	}
	return pair, nil
}
