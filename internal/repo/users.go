package repo

import (
	"context"

	"github.com/mcpkeep/mcpkeep/internal/db"
	"github.com/mcpkeep/mcpkeep/internal/db/sqlitedb"
	"github.com/mcpkeep/mcpkeep/internal/keyring"
	"github.com/mcpkeep/mcpkeep/internal/sealed"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// profile is the encrypted part of a user.
type profile struct {
	Login  string   `json:"login,omitempty"`
	Name   string   `json:"name,omitempty"`
	Email  string   `json:"email,omitempty"`
	Domain string   `json:"domain,omitempty"`
	Groups []string `json:"groups,omitempty"`
	Known  []string `json:"known,omitempty"`
	// Limited is that of storage.User; each answer about the user replaces it.
	Limited bool `json:"limited,omitempty"`
}

func profileOf(p storage.Person) profile {
	return profile{Login: p.Login, Name: p.Name, Email: p.Email, Domain: p.Domain, Groups: p.Groups, Known: p.Known}
}

func profilePlace(userID string) sealed.Place {
	return sealed.Place{Table: "mcpkeep_users", Column: "profile", Row: userID}
}

// saveUser records a user and returns the ID. Two concurrent sign-ins of a new user create
// one row. signedInAt is nil if this is not a sign-in. A disabled user stays unchanged, and
// the ID is returned with ErrDisabled.
func (r *Repo) saveUser(ctx context.Context, q db.Querier, p storage.Person, now int64, signedInAt *int64) (string, error) {
	id := newID("usr")
	values := profileOf(p)
	value, err := r.db.SealJSON(profilePlace(id), values)
	if err != nil {
		return "", err
	}
	known, err := q.UpsertUser(ctx, sqlitedb.UpsertUserParams{
		ID: id, Issuer: p.Issuer, Subject: p.Subject, Profile: value.Token, ProfileKeyID: value.KeyID,
		CreatedAt: now, LastSignInAt: signedInAt,
	})
	switch {
	case err != nil || known.ID == id:
		return known.ID, err
	case known.DisabledAt != nil:
		return known.ID, storage.ErrDisabled
	}
	return known.ID, r.saveProfile(ctx, q, known.ID, values)
}

// saveProfile replaces the profile of a recorded user.
func (r *Repo) saveProfile(ctx context.Context, q db.Querier, userID string, values profile) error {
	value, err := r.db.SealJSON(profilePlace(userID), values)
	if err != nil {
		return err
	}
	return affected(q.SetUserProfile(ctx, sqlitedb.SetUserProfileParams{
		Profile: value.Token, ProfileKeyID: value.KeyID, ID: userID,
	}))
}

// limit records that the provider has rate-limited this user's own account.
func (r *Repo) limit(ctx context.Context, q db.Querier, userID string) error {
	if _, err := q.LockUser(ctx, userID); err != nil {
		return err
	}
	row, err := q.GetUser(ctx, userID)
	if err != nil {
		return err
	}
	user, err := r.userOfRow(row)
	if err != nil || user.Limited {
		return err
	}
	values := profileOf(user.Person)
	values.Limited = true
	return r.saveProfile(ctx, q, userID, values)
}

// user maps the columns of a user.
func (r *Repo) user(id, issuer, subject string, value keyring.Sealed) (storage.User, error) {
	var values profile
	if err := r.db.OpenJSON(profilePlace(id), value, &values); err != nil {
		return storage.User{}, err
	}
	return storage.User{ID: id, Person: storage.Person{
		Issuer: issuer, Subject: subject, Login: values.Login, Name: values.Name, Email: values.Email,
		Domain: values.Domain, Groups: values.Groups, Known: values.Known,
	}, Limited: values.Limited}, nil
}

func (r *Repo) userOfRow(row sqlitedb.User) (storage.User, error) {
	return r.user(row.ID, row.Issuer, row.Subject, keyring.Sealed{KeyID: row.ProfileKeyID, Token: row.Profile})
}
