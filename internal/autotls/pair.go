package autotls

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/logging"
	"github.com/mcpkeep/mcpkeep/internal/setting"
)

// pairEvery is how often the files of a pair are looked at: at handshakes, and no more
// often than this.
const pairEvery = 5 * time.Second

// Pair is a certificate and its key in two files (PEM), which another program may replace
// at any time.
type Pair struct {
	certFile, keyFile string
	log               *slog.Logger
	every             time.Duration

	mu     sync.Mutex
	cert   *tls.Certificate
	state  [2]fileState
	looked time.Time
}

// fileState tells one version of a file from another.
type fileState struct {
	modified time.Time
	size     int64
}

// NewPair reads a certificate with its intermediates, and its key.
func NewPair(certFile, keyFile string, log *slog.Logger) (*Pair, error) {
	p := &Pair{certFile: certFile, keyFile: keyFile, log: log, every: pairEvery, looked: time.Now()}
	p.state = p.states()
	var err error
	p.cert, err = p.read()
	return p, err
}

// Certificate returns the certificate that was read last.
func (p *Pair) Certificate() *x509.Certificate {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.cert.Leaf
}

// TLSConfig is for a server with the newest pair that fits together.
func (p *Pair) TLSConfig() *tls.Config { return secure(p.certificate) }

// certificate returns the certificate, after a look at the files if that is due.
func (p *Pair) certificate(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if now := time.Now(); now.Sub(p.looked) >= p.every {
		p.looked = now
		p.look(hello.Context())
	}
	return p.cert, nil
}

// look reads files that have changed. A pair that does not fit together, such as one that
// is half written, is left alone until it changes again.
func (p *Pair) look(ctx context.Context) {
	state := p.states()
	if state == p.state {
		return
	}
	p.state = state
	cert, err := p.read()
	if err != nil {
		p.log.ErrorContext(ctx, "the new certificate cannot be used; the one before is served until it expires",
			slog.Any(logging.Error, err), slog.Time("expires_at", p.cert.Leaf.NotAfter))
		return
	}
	p.cert = cert
	p.log.InfoContext(ctx, "serving HTTPS with a new certificate", slog.String("file", p.certFile), slog.Time("expires_at", cert.Leaf.NotAfter))
}

func (p *Pair) states() (list [2]fileState) {
	for i, file := range []string{p.certFile, p.keyFile} {
		if info, err := os.Stat(file); err == nil { // links are followed: Kubernetes swaps a link
			list[i] = fileState{info.ModTime(), info.Size()}
		}
	}
	return list
}

// read reads the pair. Its errors hold no key. The key's owner and mode are those of other
// secrets: see [setting.ReadFile].
func (p *Pair) read() (*tls.Certificate, error) {
	key, err := setting.ReadFile(p.keyFile)
	if err != nil {
		return nil, err
	}
	var cert tls.Certificate
	chain, err := os.ReadFile(p.certFile)
	if err == nil {
		cert, err = tls.X509KeyPair(chain, []byte(key))
	}
	switch {
	case err != nil:
		return nil, fmt.Errorf("%s and %s: %w", p.certFile, p.keyFile, err)
	case cert.Leaf == nil:
		return nil, errors.New(p.certFile + ": no certificate")
	case time.Now().After(cert.Leaf.NotAfter):
		return nil, fmt.Errorf("%s: expired on %s", p.certFile, cert.Leaf.NotAfter.Format(time.RFC3339))
	}
	return &cert, nil
}
