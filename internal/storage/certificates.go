package storage

import (
	"context"
	"time"
)

// CertificateStore keeps what is needed for HTTPS: certificates with their private keys,
// the account at the certificate authority, challenges under way, and locks between
// replicas. Values are sealed; names, which are paths with slashes, are not.
type CertificateStore interface {
	// TLSValue returns a value. ErrNotFound when there is none.
	TLSValue(ctx context.Context, name string) (TLSValue, error)
	// PutTLSValue stores a value, in place of one of the same name.
	PutTLSValue(ctx context.Context, name string, value []byte, now time.Time) error
	// DeleteTLSValues removes the values of these names, if they exist.
	DeleteTLSValues(ctx context.Context, names []string) error
	// ListTLSValues returns the names of all values, in order. There are a few for each
	// name that a certificate is for.
	ListTLSValues(ctx context.Context) ([]string, error)
	// TakeTLSLock takes a lock for a holder, or extends the one it has. Of any number of
	// holders one has it, until the time or until it gives it back.
	TakeTLSLock(ctx context.Context, name, holder string, until, now time.Time) (bool, error)
	// GiveTLSLock gives back a lock. One that another holder took over stays.
	GiveTLSLock(ctx context.Context, name, holder string) error
}

// TLSValue is what a [CertificateStore] keeps under a name.
type TLSValue struct {
	Value     []byte
	UpdatedAt time.Time
}
