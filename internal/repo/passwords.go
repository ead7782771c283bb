package repo

import (
	"context"
	"errors"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/db"
	"github.com/mcpkeep/mcpkeep/internal/db/sqlitedb"
	"github.com/mcpkeep/mcpkeep/internal/sealed"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

const (
	// freeAttempts is how many attempts may follow each other without a wait.
	freeAttempts = 5
	// attemptWait is the wait between further attempts: users barely notice it, and it limits
	// an attacker to some 17,000 guesses a day across all replicas.
	attemptWait = 5 * time.Second
	// longestWait bounds the wait that a fast clock leaves behind. It is longer than
	// attemptWait, so that replicas whose clocks are minutes apart throttle together.
	longestWait = 10 * time.Minute
)

func passwordPlace(userID string) sealed.Place {
	return sealed.Place{Table: "mcpkeep_users", Column: "password", Row: userID}
}

// SetPassword implements storage.PasswordStore.
func (r *Repo) SetPassword(ctx context.Context, p storage.Person, hash string, replace bool, now time.Time) error {
	return r.db.Write(ctx, "set the password", func(ctx context.Context, q db.Querier) error {
		id, err := r.saveUser(ctx, q, p, unix(now), nil)
		if err != nil && !errors.Is(err, storage.ErrDisabled) { // who may not sign in may have a password
			return err
		}
		value, err := r.db.Seal(passwordPlace(id), []byte(hash))
		if err != nil {
			return err
		}
		err = affected(q.SetUserPassword(ctx, sqlitedb.SetUserPasswordParams{
			Password: value.Token, PasswordKeyID: value.KeyID, ID: id, Replace: replace,
		}))
		if errors.Is(err, storage.ErrNotFound) {
			return storage.ErrExists
		}
		if err != nil {
			return err
		}
		return sealed.Record(ctx, q, storage.Event{Type: storage.EventPasswordSet, UserID: id}, now)
	})
}

// Password implements storage.PasswordStore.
func (r *Repo) Password(ctx context.Context, p storage.Person) (string, error) {
	var hash string
	err := r.db.Read(ctx, "read the password", func(ctx context.Context, q db.Querier) error {
		row, err := q.GetUserBySubject(ctx, sqlitedb.GetUserBySubjectParams{Issuer: p.Issuer, Subject: p.Subject})
		if err != nil {
			return err
		}
		hash, err = r.passwordOf(row)
		return err
	})
	return hash, err
}

// TryPassword implements storage.PasswordStore. It counts the attempt before it compares
// the password, so that concurrent attempts all count.
func (r *Repo) TryPassword(ctx context.Context, p storage.Person, now time.Time) (storage.User, string, error) {
	var user storage.User
	var hash string
	err := r.db.Write(ctx, "attempt the password", func(ctx context.Context, q db.Querier) error {
		row, err := q.CountPasswordAttempt(ctx, sqlitedb.CountPasswordAttemptParams{
			FreeAttempts: freeAttempts, Now: unix(now), WaitSeconds: int64(attemptWait / time.Second),
			LongestSeconds: int64(longestWait / time.Second),
			Issuer:         p.Issuer, Subject: p.Subject,
		})
		if r.db.Classify(err) == db.NoRows {
			user, err = r.refuseAttempt(ctx, q, p)
			return err
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
func (r *Repo) refuseAttempt(ctx context.Context, q db.Querier, p storage.Person) (storage.User, error) {
	row, err := q.GetUserBySubject(ctx, sqlitedb.GetUserBySubjectParams{Issuer: p.Issuer, Subject: p.Subject})
	if err != nil {
		return storage.User{}, err
	}
	user, err := r.userOfRow(row)
	if err == nil {
		err = &storage.ThrottledError{RetryAt: at(row.PasswordRetryAt)}
	}
	return user, err
}

func (r *Repo) passwordOf(row sqlitedb.User) (string, error) {
	if row.Password == nil {
		return "", storage.ErrNotFound
	}
	hash, err := r.db.OpenOptional(passwordPlace(row.ID), row.Password, row.PasswordKeyID)
	return string(hash), err
}

// PasswordAccepted implements storage.PasswordStore.
func (r *Repo) PasswordAccepted(ctx context.Context, userID string) error {
	return r.db.Write(ctx, "accept the password", func(ctx context.Context, q db.Querier) error {
		sealed.Repeatable(ctx)
		return q.ResetPasswordAttempts(ctx, userID)
	})
}
