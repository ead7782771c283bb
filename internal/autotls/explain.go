package autotls

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/mholt/acmez/v3/acme"

	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// lookUpFor bounds a question to DNS that only makes an explanation better.
const lookUpFor = 3 * time.Second

// explain says in plain words why a certificate could not be obtained, and what to do.
func (m *Manager) explain(ctx context.Context, name string, err error) string {
	var problem acme.Problem
	var untrusted x509.UnknownAuthorityError
	var wrongName x509.HostnameError
	var network *url.Error
	switch {
	case strings.Contains(err.Error(), storage.ErrUnavailable.Error()): // certmagic does not wrap each error
		return "the database does not answer"
	case errors.As(err, &problem):
		return m.explainProblem(ctx, name, problem)
	case errors.As(err, &untrusted):
		return "the certificate of " + m.acme.CA + " itself is not trusted: name its root in MCPKEEP_TLS_CA"
	case errors.As(err, &wrongName):
		return m.acme.CA + " shows a certificate of another name: check MCPKEEP_TLS_DIRECTORY"
	case errors.As(err, &network):
		return "the certificate authority at " + m.acme.CA + " does not answer: if it stays so, check that this machine can reach it"
	case strings.Contains(err.Error(), "does not qualify for a public certificate"):
		return name + " is no public name: a public authority has no certificate for it"
	}
	return "see the error"
}

// explainProblem explains what the authority answered (RFC 8555 section 6.7).
func (m *Manager) explainProblem(ctx context.Context, name string, p acme.Problem) string {
	switch kindOf(p) {
	case acme.ProblemTypeDNS:
		return name + " cannot be looked up in DNS: make an A or AAAA record that points to this machine"
	case acme.ProblemTypeConnection, acme.ProblemTypeTLS:
		return fmt.Sprintf("%s cannot be reached from outside (%s): it must point to this machine, and %s must be open in its firewall",
			name, addresses(ctx, name), m.ports())
	case acme.ProblemTypeUnauthorized, acme.ProblemTypeIncorrectResponse:
		return fmt.Sprintf("another server answers for %s (%s): it must point to this machine, and %s must lead here",
			name, addresses(ctx, name), m.ports())
	case acme.ProblemTypeRateLimited:
		return "the authority gives out no more certificates for now (rate limit); its answer says until when"
	case acme.ProblemTypeCAA:
		return "a CAA record in DNS forbids " + m.acme.CA + " to give out certificates for " + name
	case acme.ProblemTypeRejectedIdentifier, acme.ProblemTypeUnsupportedIdentifier:
		return "the authority gives out no certificates for " + name
	case acme.ProblemTypeInvalidContact, acme.ProblemTypeUnsupportedContact:
		return "the authority does not accept the address in MCPKEEP_TLS_EMAIL"
	case acme.ProblemTypeExternalAccountRequired:
		return "the authority wants an account that was made with it before, which mcpkeep cannot use: choose another in MCPKEEP_TLS_DIRECTORY"
	}
	if away(p) {
		return "the certificate authority at " + m.acme.CA + " is out of order; it will be asked again"
	}
	return "the certificate authority refused: " + p.Detail
}

// kindOf is the type of a problem. Pebble has one for most of them, and tells them apart in
// words.
func kindOf(p acme.Problem) string {
	switch {
	case strings.Contains(p.Detail, "Could not resolve"):
		return acme.ProblemTypeDNS
	case strings.Contains(p.Detail, "Failed to connect"):
		return acme.ProblemTypeConnection
	}
	return p.Type
}

// ports are those that the authority comes to.
func (m *Manager) ports() string {
	if m.cfg.HTTP == nil {
		return "port 443"
	}
	return "port 80 or 443"
}

// addresses is what DNS says here.
func addresses(ctx context.Context, name string) string {
	ctx, cancel := context.WithTimeout(ctx, lookUpFor)
	defer cancel()
	list, err := net.DefaultResolver.LookupHost(ctx, name)
	if err != nil || len(list) == 0 {
		return "no address in DNS as seen from here"
	}
	return "in DNS: " + strings.Join(list, ", ")
}

// away reports whether the authority itself has trouble.
func away(p acme.Problem) bool {
	return p.Status >= http.StatusInternalServerError || p.Type == acme.ProblemTypeServerInternal
}

// retryIn is how long to wait after a number of attempts. Refusals count at the authority:
// Let's Encrypt takes five an hour.
func retryIn(err error, attempts int) time.Duration {
	steps := []time.Duration{5 * time.Second, 10 * time.Second, 30 * time.Second, time.Minute, 5 * time.Minute}
	var problem acme.Problem
	if errors.As(err, &problem) && !away(problem) {
		steps = []time.Duration{time.Minute, 5 * time.Minute, 20 * time.Minute, time.Hour}
		if problem.Type == acme.ProblemTypeRateLimited {
			steps = steps[len(steps)-1:]
		}
	}
	return steps[min(attempts, len(steps)-1)]
}

func oneLine(err error) string { return strings.Join(strings.Fields(err.Error()), " ") }
