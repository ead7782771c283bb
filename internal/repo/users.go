package repo

import (
	"context"

	"github.com/mcpkeep/mcpkeep/internal/db"
	"github.com/mcpkeep/mcpkeep/internal/db/sqlitedb"
	"github.com/mcpkeep/mcpkeep/internal/keyring"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// profile is what of a person is sealed.
type profile struct {
	Login string `json:"login,omitempty"`
	Name  string `json:"name,omitempty"`
	Email string `json:"email,omitempty"`
}

func profilePlace(userID string) place { return place{"oauth_users", "profile", userID} }

// saveUser records a person and returns its id. Two sign-ins of a new person at
// once end with one row. signedInAt is nil when nobody signed in by this. Of a
// person that is disabled nothing changes, and ErrDisabled goes with the id.
func (r *Repo) saveUser(ctx context.Context, q db.Querier, p storage.Person, now int64, signedInAt *int64) (string, error) {
	id := newID("usr")
	values := profile{Login: p.Login, Name: p.Name, Email: p.Email}
	sealed, err := r.sealJSON(profilePlace(id), values)
	if err != nil {
		return "", err
	}
	known, err := q.UpsertUser(ctx, sqlitedb.UpsertUserParams{
		ID: id, Issuer: p.Issuer, Subject: p.Subject, Profile: sealed.Token, ProfileKeyID: sealed.KeyID,
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

// saveProfile replaces the profile of a person on record.
func (r *Repo) saveProfile(ctx context.Context, q db.Querier, userID string, values profile) error {
	sealed, err := r.sealJSON(profilePlace(userID), values)
	if err != nil {
		return err
	}
	return affected(q.SetUserProfile(ctx, sqlitedb.SetUserProfileParams{
		Profile: sealed.Token, ProfileKeyID: sealed.KeyID, ID: userID,
	}))
}

// user maps the columns of a person.
func (r *Repo) user(id, issuer, subject string, sealed keyring.Sealed) (storage.User, error) {
	var values profile
	if err := r.openJSON(profilePlace(id), sealed, &values); err != nil {
		return storage.User{}, err
	}
	return storage.User{ID: id, Person: storage.Person{
		Issuer: issuer, Subject: subject, Login: values.Login, Name: values.Name, Email: values.Email,
	}}, nil
}

func (r *Repo) userOfRow(row sqlitedb.OAuthUser) (storage.User, error) {
	return r.user(row.ID, row.Issuer, row.Subject, keyring.Sealed{KeyID: row.ProfileKeyID, Token: row.Profile})
}
