package autotls

import (
	"context"
	"crypto/x509"
	"errors"

	"github.com/caddyserver/certmagic"
	"github.com/mholt/acmez/v3/acme"
)

// issuer is the certificate authority. It never asks a person who may sit at the
// terminal, and it reports each refusal.
type issuer struct {
	*certmagic.ACMEIssuer
	refused func(ctx context.Context, names []string, err error)
}

var (
	_ certmagic.Issuer            = issuer{}
	_ certmagic.PreChecker        = issuer{}
	_ certmagic.RenewalInfoGetter = issuer{}
)

// PreCheck implements certmagic.PreChecker.
func (i issuer) PreCheck(ctx context.Context, names []string, _ bool) error {
	err := i.ACMEIssuer.PreCheck(ctx, names, false)
	if err != nil {
		i.refused(ctx, names, err)
	}
	return err
}

// Issue implements certmagic.Issuer.
func (i issuer) Issue(ctx context.Context, csr *x509.CertificateRequest) (*certmagic.IssuedCertificate, error) {
	if ctx.Value(certmagic.AttemptsCtxKey) == nil {
		return nil, errNotNow
	}
	issued, err := i.ACMEIssuer.Issue(ctx, csr)
	if err != nil && ctx.Err() == nil {
		i.refused(ctx, namesOf(csr), err)
	}
	return issued, err
}

// errNotNow is for attempts of certmagic's own maintenance: when to ask the authority again
// is for [Manager.Run] to decide.
var errNotNow = errors.New("not now")

func namesOf(csr *x509.CertificateRequest) []string {
	names := csr.DNSNames
	for _, ip := range csr.IPAddresses {
		names = append(names, ip.String())
	}
	return names
}

// GetRenewalInfo implements certmagic.RenewalInfoGetter (RFC 9773).
func (i issuer) GetRenewalInfo(ctx context.Context, cert certmagic.Certificate) (acme.RenewalInfo, error) {
	return i.ACMEIssuer.GetRenewalInfo(ctx, cert)
}
