package db

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/mcpkeep/mcpkeep/internal/gcp"
)

const rootCert = "sslrootcert"

// oneReading is how long an authority is not read again, whatever certificates come.
const oneReading = time.Second

// authority vouches for the certificates of a server. Servers change theirs while we run, so
// when a certificate does not verify, the authority is read again.
type authority struct {
	read func(context.Context) (string, error)

	mu    sync.Mutex
	roots *x509.CertPool
	at    time.Time // of the last reading
}

// withoutAuthority takes sslrootcert out where pgx cannot read it: in Secret Manager.
func withoutAuthority(params []param) (_ []param, source string) {
	return slices.DeleteFunc(params, func(p param) bool {
		if p.name == rootCert {
			source = p.value
		}
		return p.name == rootCert && strings.HasPrefix(p.value, gcp.Prefix)
	}), source
}

// checkAuthority says what is wrong with a file of authorities, of which the driver's error may
// not be shown.
func checkAuthority(source string) error {
	if source == "" || source == "system" || strings.HasPrefix(source, gcp.Prefix) {
		return nil
	}
	content, err := os.ReadFile(source) //nolint:gosec // the operator's own path
	var pathErr *fs.PathError
	switch {
	case errors.As(err, &pathErr):
		return badURLError("names a file in sslrootcert that cannot be read: " + pathErr.Err.Error())
	case err == nil && !x509.NewCertPool().AppendCertsFromPEM(content):
		return badURLError("names a file in sslrootcert that has no certificate in PEM")
	}
	return nil
}

// untrusted is said of an instance whose certificate does not verify.
func (l login) untrusted(host string, err error) *RefusedError {
	var unknown x509.UnknownAuthorityError
	if !errors.As(err, &unknown) {
		return nil
	}
	instance, project := l.instance(host)
	return &RefusedError{
		Found: "the instance's certificate is not from an authority that sslrootcert names",
		Fix:   "put what `gcloud sql ssl server-ca-certs list --instance " + instance + " --project " + project + " --format 'value(cert)'` prints into the file or secret that sslrootcert names",
	}
}

// verifyBy has all connections of a configuration verify the server with the authority that
// sslrootcert names.
func verifyBy(ctx context.Context, source string, cfg *pgx.ConnConfig) error {
	inSecret := strings.HasPrefix(source, gcp.Prefix)
	if source == "" || source == "system" {
		return nil
	}
	a := &authority{read: func(context.Context) (string, error) {
		content, err := os.ReadFile(source) //nolint:gosec // the operator's own path
		return string(content), err
	}}
	if inSecret {
		a.read = func(ctx context.Context) (string, error) {
			value, _, err := gcp.ReadAgain(ctx, source)
			return value, err
		}
	}
	if err := a.renew(ctx); err != nil {
		return fmt.Errorf("%s of the database URL: %w", rootCert, err)
	}
	if err := a.guard(cfg.TLSConfig, inSecret); err != nil {
		return err
	}
	for _, other := range cfg.Fallbacks {
		if err := a.guard(other.TLSConfig, inSecret); err != nil {
			return err
		}
	}
	return nil
}

// verifies reports whether a connection ends unless the server's certificate verifies.
func verifies(config *tls.Config) bool {
	return config != nil && (!config.InsecureSkipVerify || config.VerifyPeerCertificate != nil || config.VerifyConnection != nil)
}

// guard replaces the verification of a configuration. Without sslrootcert, pgx verifies less
// than what the URL says when it names one.
func (a *authority) guard(config *tls.Config, needed bool) error {
	if !verifies(config) && needed {
		return badURLError("names an authority in sslrootcert, and sslmode does not verify with it: set sslmode=verify-ca or verify-full")
	}
	if !verifies(config) {
		return nil
	}
	host := ""
	if !config.InsecureSkipVerify {
		host = config.ServerName
	}
	config.InsecureSkipVerify = true
	config.VerifyPeerCertificate = nil
	config.VerifyConnection = func(c tls.ConnectionState) error { return a.verify(c.PeerCertificates, host) }
	return nil
}

// verify checks a server's chain, also against a host unless that is "".
func (a *authority) verify(certs []*x509.Certificate, host string) error {
	if len(certs) == 0 {
		return errors.New("the server sends no certificate")
	}
	opts := x509.VerifyOptions{DNSName: host, Intermediates: x509.NewCertPool()}
	for _, c := range certs[1:] {
		opts.Intermediates.AddCert(c)
	}
	opts.Roots = a.current()
	_, err := certs[0].Verify(opts)
	if err == nil || a.renew(context.Background()) != nil {
		return err // the certificate's fault weighs more than that of the reading
	}
	opts.Roots = a.current()
	_, err = certs[0].Verify(opts)
	return err
}

func (a *authority) current() *x509.CertPool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.roots
}

// renew reads the certificates, unless that was just done. Those from before stay where it
// fails. The wall clock counts, which continues while a machine is frozen.
func (a *authority) renew(ctx context.Context) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	now := time.Now().Round(0)
	if since := now.Sub(a.at); a.roots != nil && since >= 0 && since < oneReading {
		return nil
	}
	a.at = now
	text, err := a.read(ctx)
	if err != nil {
		return err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM([]byte(text)) {
		return errors.New("no certificate in PEM")
	}
	a.roots = roots
	return nil
}
