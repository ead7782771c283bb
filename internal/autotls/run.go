package autotls

import (
	"context"
	"crypto/x509"
	"log/slog"
	"time"

	"github.com/caddyserver/certmagic"

	"github.com/mcpkeep/mcpkeep/internal/logging"
)

const (
	// A certificate is looked at a few hundred times in its life, within these bounds.
	looksPerLife = 300
	seldom       = 10 * time.Minute
	often        = time.Second
	// sayAgain is when the log repeats what still is wrong.
	sayAgain = 10 * time.Minute
)

// Run obtains the certificates that are missing and renews those that are about to expire,
// until the context ends. What goes wrong is logged, and tried again.
func (m *Manager) Run(ctx context.Context) {
	for {
		wait := seldom
		for _, name := range m.cfg.Names {
			wait = min(wait, m.look(ctx, name))
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(max(wait, often)):
		}
	}
}

// look does what a name needs now, and returns when to look again.
func (m *Manager) look(ctx context.Context, name string) time.Duration {
	t := m.trials[name]
	if t == nil {
		t = &trial{}
		m.trials[name] = t
	}
	if wait := time.Until(t.next); wait > 0 {
		return wait
	}
	if err := m.keep(context.WithValue(ctx, certmagic.AttemptsCtxKey, &t.attempts), name); err != nil {
		m.refused(ctx, []string{name}, err)
		wait := retryIn(err, t.attempts)
		t.attempts++
		t.next = time.Now().Add(wait)
		return wait
	}
	*t = trial{}
	return m.interval(name)
}

// keep loads or obtains the certificate of a name, and renews it when it is time.
func (m *Manager) keep(ctx context.Context, name string) error {
	cert, ok := m.certificate(name)
	if !ok {
		if err := m.magic.ManageSync(ctx, []string{name}); err != nil {
			return err
		}
		cert, ok = m.certificate(name)
	}
	if ok && cert.NeedsRenewal(m.magic) {
		// Of replicas one renews; the others find that it is done.
		if err := m.magic.RenewCertSync(ctx, name, false); err != nil {
			return err
		}
	}
	// It loads what was renewed, here or by another replica, and asks the authority for
	// its renewal information when that is due.
	if err := m.cache.RenewManagedCertificates(ctx); err != nil {
		return err
	}
	m.serving(ctx, name)
	return nil
}

// certificate returns the certificate of a name that is in use.
func (m *Manager) certificate(name string) (certmagic.Certificate, bool) {
	var newest certmagic.Certificate
	for _, c := range m.cache.AllMatchingCertificates(name) {
		if newest.Leaf == nil || c.Leaf.NotAfter.After(newest.Leaf.NotAfter) {
			newest = c
		}
	}
	return newest, newest.Leaf != nil
}

// serving logs that a certificate is in use that was not before.
func (m *Manager) serving(ctx context.Context, name string) {
	cert, ok := m.certificate(name)
	if !ok {
		return
	}
	if serial := cert.Leaf.SerialNumber.String(); m.served[name] != serial {
		m.served[name] = serial
		m.cfg.Logger.InfoContext(ctx, "serving HTTPS with a certificate of the authority", slog.String("name", name),
			slog.String("authority", cert.Leaf.Issuer.String()), slog.Time("expires_at", cert.Leaf.NotAfter))
	}
}

// refused logs why a certificate could not be obtained, in plain words and not at each attempt.
func (m *Manager) refused(ctx context.Context, names []string, err error) {
	if ctx.Err() != nil {
		return
	}
	for _, name := range names {
		e := m.explain(ctx, name, err)
		if !m.isNew(name, e) {
			continue
		}
		log, args := m.cfg.Logger.ErrorContext, []any{slog.String("name", name), slog.String(logging.Error, oneLine(err))}
		text := "no certificate, so HTTPS does not work: " + e
		if cert, ok := m.certificate(name); ok && time.Now().Before(cert.Leaf.NotAfter) {
			log, text = m.cfg.Logger.WarnContext, "the certificate could not be renewed; the present one is served until it expires: "+e
			args = append(args, slog.Time("expires_at", cert.Leaf.NotAfter))
		}
		log(ctx, text, args...)
	}
}

// isNew reports whether something else was said of a name before, or the same long ago,
// and takes note.
func (m *Manager) isNew(name, text string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	before, now := m.said[name], time.Now()
	if before.text == text && now.Sub(before.at) < sayAgain {
		return false
	}
	m.said[name] = said{text, now}
	return true
}

// interval is when to look at a certificate again: often if it is good for a short time.
func (m *Manager) interval(name string) time.Duration {
	cert, ok := m.certificate(name)
	if !ok {
		return often
	}
	wait := min(max(lifetime(cert.Leaf)/looksPerLife, often), seldom)
	m.setInterval(wait)
	return wait
}

func lifetime(leaf *x509.Certificate) time.Duration { return leaf.NotAfter.Sub(leaf.NotBefore) }
