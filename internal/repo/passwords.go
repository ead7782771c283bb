package repo

import (
	"context"
	"errors"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/db"
	"github.com/mcpkeep/mcpkeep/internal/db/sqlitedb"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

const (
	// freeAttempts may follow each other without a wait.
	freeAttempts = 5
	// attemptWait is between attempts after that: a person hardly notices it,
	// and it leaves a guesser some 17,000 tries a day on all replicas together.
	attemptWait = 5 * time.Second
)

func passwordPlace(userID string) place { return place{"oauth_users", "password", userID} }

// SetPassword implements storage.PasswordStore.
func (r *Repo) SetPassword(ctx context.Context, p storage.Person, hash string, replace bool, now time.Time) error {
	return r.write(ctx, "set the password", func(ctx context.Context, q db.Querier) error {
		id, err := r.saveUser(ctx, q, p, unix(now), nil)
		if err != nil && !errors.Is(err, storage.ErrDisabled) { // who may not sign in may have a password
			return err
		}
		sealed, err := r.seal(passwordPlace(id), []byte(hash))
		if err != nil {
			return err
		}
		err = affected(q.SetUserPassword(ctx, sqlitedb.SetUserPasswordParams{
			Password: sealed.Token, PasswordKeyID: sealed.KeyID, ID: id, Replace: replace,
		}))
		if errors.Is(err, storage.ErrNotFound) {
			return storage.ErrExists
		}
		if err != nil {
			return err
		}
		return record(ctx, q, storage.Event{Type: storage.EventPasswordSet, UserID: id}, now)
	})
}

// Password implements storage.PasswordStore.
func (r *Repo) Password(ctx context.Context, p storage.Person) (string, error) {
	var hash string
	err := r.read(ctx, "read the password", func(ctx context.Context, q db.Querier) error {
		row, err := q.GetUserBySubject(ctx, sqlitedb.GetUserBySubjectParams{Issuer: p.Issuer, Subject: p.Subject})
		if err != nil {
			return err
		}
		hash, err = r.passwordOf(row)
		return err
	})
	return hash, err
}

// TryPassword implements storage.PasswordStore. The attempt is counted before
// the password is looked at, so that attempts at once all count.
func (r *Repo) TryPassword(ctx context.Context, p storage.Person, now time.Time) (storage.User, string, error) {
	var user storage.User
	var hash string
	err := r.write(ctx, "try the password", func(ctx context.Context, q db.Querier) error {
		row, err := q.CountPasswordAttempt(ctx, sqlitedb.CountPasswordAttemptParams{
			FreeAttempts: freeAttempts, Now: unix(now), WaitSeconds: int64(attemptWait / time.Second),
			Issuer: p.Issuer, Subject: p.Subject,
		})
		if r.db.Classify(err) == db.NoRows {
			return refuseAttempt(ctx, q, p)
		}
		if err != nil {
			return err
		}
		if hash, err = r.passwordOf(row); err != nil {
			return err
		}
		user, err = r.userOfRow(row)
		return err
	})
	return user, hash, err
}

// refuseAttempt finds out why an attempt was not counted.
func refuseAttempt(ctx context.Context, q db.Querier, p storage.Person) error {
	row, err := q.GetUserBySubject(ctx, sqlitedb.GetUserBySubjectParams{Issuer: p.Issuer, Subject: p.Subject})
	if err != nil {
		return err
	}
	return &storage.ThrottledError{RetryAt: at(row.PasswordRetryAt)}
}

func (r *Repo) passwordOf(row sqlitedb.OAuthUser) (string, error) {
	if row.Password == nil {
		return "", storage.ErrNotFound
	}
	hash, err := r.openOptional(passwordPlace(row.ID), row.Password, row.PasswordKeyID)
	return string(hash), err
}

// PasswordAccepted implements storage.PasswordStore.
func (r *Repo) PasswordAccepted(ctx context.Context, userID string) error {
	return r.write(ctx, "accept the password", func(ctx context.Context, q db.Querier) error {
		return q.ResetPasswordAttempts(ctx, userID)
	})
}
