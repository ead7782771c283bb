package repo

import (
	"context"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/db"
	"github.com/mcpkeep/mcpkeep/internal/db/sqlitedb"
	"github.com/mcpkeep/mcpkeep/internal/keyring"
	"github.com/mcpkeep/mcpkeep/internal/sealed"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

var _ storage.CertificateStore = (*Repo)(nil)

// tlsLock is the prefix of the locks' names in the table of leases.
const tlsLock = "tls/"

func tlsPlace(name string) sealed.Place {
	return sealed.Place{Table: "mcpkeep_tls", Column: "value", Row: name}
}

// TLSValue implements storage.CertificateStore.
func (r *Repo) TLSValue(ctx context.Context, name string) (storage.TLSValue, error) {
	var v storage.TLSValue
	err := r.db.Read(ctx, "read a certificate", func(ctx context.Context, q db.Querier) error {
		row, err := q.GetTLSValue(ctx, name)
		if err != nil {
			return err
		}
		v.UpdatedAt = at(row.UpdatedAt)
		v.Value, err = r.db.Open(tlsPlace(name), keyring.Sealed{KeyID: row.ValueKeyID, Token: row.Value})
		return err
	})
	return v, err
}

// PutTLSValue implements storage.CertificateStore.
func (r *Repo) PutTLSValue(ctx context.Context, name string, value []byte, now time.Time) error {
	v, err := r.db.Seal(tlsPlace(name), value)
	if err != nil {
		return err
	}
	return r.db.Write(ctx, "store a certificate", func(ctx context.Context, q db.Querier) error {
		return q.PutTLSValue(ctx, sqlitedb.PutTLSValueParams{
			Name: name, Value: v.Token, ValueKeyID: v.KeyID, Now: unix(now),
		})
	})
}

// DeleteTLSValues implements storage.CertificateStore.
func (r *Repo) DeleteTLSValues(ctx context.Context, names []string) error {
	return r.db.Write(ctx, "delete a certificate", func(ctx context.Context, q db.Querier) error {
		for _, name := range names {
			if err := q.DeleteTLSValue(ctx, name); err != nil {
				return err
			}
		}
		return nil
	})
}

// ListTLSValues implements storage.CertificateStore.
func (r *Repo) ListTLSValues(ctx context.Context) ([]string, error) {
	var names []string
	err := r.db.Read(ctx, "list the certificates", func(ctx context.Context, q db.Querier) error {
		var err error
		names, err = q.ListTLSNames(ctx)
		return err
	})
	return names, err
}

// TakeTLSLock implements storage.CertificateStore: the row count of the last statement
// decides.
func (r *Repo) TakeTLSLock(ctx context.Context, name, holder string, until, now time.Time) (bool, error) {
	var held bool
	err := r.db.Write(ctx, "lock a certificate", func(ctx context.Context, q db.Querier) error {
		if err := q.AddLease(ctx, tlsLock+name); err != nil {
			return err
		}
		n, err := q.TakeLease(ctx, sqlitedb.TakeLeaseParams{
			Name: tlsLock + name, Holder: holder, Until: unix(until), Now: unix(now), Latest: unix(now) + longestLease,
		})
		held = n == 1
		return err
	})
	return held && err == nil, err
}

// GiveTLSLock implements storage.CertificateStore.
func (r *Repo) GiveTLSLock(ctx context.Context, name, holder string) error {
	return r.db.Write(ctx, "unlock a certificate", func(ctx context.Context, q db.Querier) error {
		return q.DropLease(ctx, sqlitedb.DropLeaseParams{Name: tlsLock + name, Holder: holder})
	})
}
