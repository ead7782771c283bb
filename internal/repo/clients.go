package repo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/db"
	"github.com/mcpkeep/mcpkeep/internal/db/sqlitedb"
	"github.com/mcpkeep/mcpkeep/internal/fastmcp"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// extraMember is the member of FastMCP's client JSON that holds what FastMCP
// does not know; its readers ignore it.
const extraMember = "mcpkeep"

// extra is what of a client FastMCP does not keep.
type extra struct {
	ClientURI       string       `json:"client_uri,omitempty"`
	RedirectURIs    []string     `json:"redirect_uris"` // exactly as registered: FastMCP may rewrite its own
	GrantTypes      []string     `json:"grant_types"`
	AuthMethod      string       `json:"token_endpoint_auth_method"`
	JWKS            string       `json:"jwks,omitempty"` // JSON in a string: it is read as one piece
	JWKSURI         string       `json:"jwks_uri,omitempty"`
	SigningAlg      string       `json:"token_endpoint_auth_signing_alg,omitempty"`
	SecretHash      storage.Hash `json:"client_secret_sha256,omitempty"`
	TokenHash       storage.Hash `json:"registration_access_token_sha256,omitempty"`
	ApplicationType string       `json:"application_type,omitempty"`
	SoftwareID      string       `json:"software_id,omitempty"`
	SoftwareVersion string       `json:"software_version,omitempty"`

	Origin storage.Origin `json:"origin,omitempty"`
}

// field returns a pointer to the field of a member, nil for an unknown one.
func (e *extra) field(member string) any {
	switch member {
	case "client_uri":
		return &e.ClientURI
	case "redirect_uris":
		return &e.RedirectURIs
	case "grant_types":
		return &e.GrantTypes
	case "token_endpoint_auth_method":
		return &e.AuthMethod
	case "jwks":
		return &e.JWKS
	case "jwks_uri":
		return &e.JWKSURI
	case "token_endpoint_auth_signing_alg":
		return &e.SigningAlg
	case "client_secret_sha256":
		return (*string)(&e.SecretHash)
	case "registration_access_token_sha256":
		return (*string)(&e.TokenHash)
	case "application_type":
		return &e.ApplicationType
	case "software_id":
		return &e.SoftwareID
	case "software_version":
		return &e.SoftwareVersion
	case "origin":
		return (*string)(&e.Origin)
	}
	return nil
}

// CreateClient implements storage.ClientStore.
func (r *Repo) CreateClient(ctx context.Context, c storage.Client) error {
	value, err := r.sealClient(c)
	if err != nil {
		return err
	}
	created, primary := c.CreatedAt.UTC(), r.keys.Primary()
	return r.write(ctx, "create a client", func(ctx context.Context, q db.Querier) error {
		// The count first, as everywhere: see reclaim.
		if err := q.AddToClientCount(ctx, 1); err != nil {
			return err
		}
		err := q.CreateClient(ctx, sqlitedb.CreateClientParams{
			Key: fastmcp.ClientKey(c.ID), Value: value, CreatedAt: &created, UpdatedAt: &created, ValueKeyID: &primary,
		})
		if err != nil {
			return err
		}
		return record(ctx, q, storage.Event{Type: storage.EventClientRegistered, ClientID: c.ID}, c.CreatedAt)
	})
}

// sealClient makes the row's value: FastMCP's JSON in py-key-value's envelope.
// To FastMCP every client is public, as it makes them itself.
func (r *Repo) sealClient(c storage.Client) (json.RawMessage, error) {
	ours, err := json.Marshal(extra{
		ClientURI: c.URI, RedirectURIs: c.RedirectURIs, GrantTypes: c.GrantTypes, AuthMethod: c.AuthMethod,
		JWKS: c.JWKS, JWKSURI: c.JWKSURI, SigningAlg: c.SigningAlg,
		SecretHash: c.SecretHash, TokenHash: c.RegistrationTokenHash, ApplicationType: c.ApplicationType,
		SoftwareID: c.SoftwareID, SoftwareVersion: c.SoftwareVersion, Origin: c.Origin,
	})
	if err != nil {
		return nil, err
	}
	theirs := fastmcp.Client{
		ClientID: c.ID, RedirectURIs: c.RedirectURIs, TokenEndpointAuthMethod: "none",
		GrantTypes: []string{"authorization_code", "refresh_token"}, ResponseTypes: []string{"code"},
		Scope: optional(c.Scope), ClientName: optional(c.Name),
		Extra: map[string]json.RawMessage{extraMember: ours},
	}
	plaintext, err := fastmcp.EncodeClient(theirs)
	if err != nil {
		return nil, err
	}
	return fastmcp.Seal(r.keys, plaintext)
}

// Client implements storage.ClientStore.
func (r *Repo) Client(ctx context.Context, id string) (storage.Client, error) {
	var client storage.Client
	err := r.read(ctx, "read a client", func(ctx context.Context, q db.Querier) error {
		key := fastmcp.ClientKey(id)
		row, err := q.GetClientValue(ctx, key)
		if err != nil {
			return err
		}
		client, err = r.clientOf(sqlitedb.OAuthClient{Key: key, Value: row.Value, CreatedAt: row.CreatedAt})
		if err != nil {
			return r.blameKeys(ctx, q, key, err)
		}
		return nil
	})
	return client, err
}

// CurrentClient implements storage.ClientStore.
func (r *Repo) CurrentClient(ctx context.Context, id string) (storage.Client, error) {
	return r.Client(ctx, id)
}

// blameKeys says whether a client row may not open for want of a key that is on
// record but not configured here: rows in the shared format do not name theirs.
// A client must not be told to register anew because a rollout is under way.
func (r *Repo) blameKeys(ctx context.Context, q db.Querier, row string, unreadable error) error {
	records, err := q.ListActiveEncryptionKeys(ctx)
	if err != nil {
		return err
	}
	for _, rec := range records {
		if !r.keys.Has(rec.ID) {
			return missingKey("oauth_clients", row, rec.ID)
		}
	}
	return unreadable
}

// clientOf opens a client row, of this program or of FastMCP.
func (r *Repo) clientOf(row sqlitedb.OAuthClient) (storage.Client, error) {
	client, _, err := r.openClient(row)
	return client, err
}

// openClient is clientOf that also says whether the row is another program's.
func (r *Repo) openClient(row sqlitedb.OAuthClient) (client storage.Client, foreign bool, err error) {
	id, _ := fastmcp.ClientID(row.Key)
	client.ID = id
	if row.CreatedAt != nil {
		client.CreatedAt = row.CreatedAt.UTC()
	}
	unreadable := &storage.UnreadableError{Table: "oauth_clients", Row: row.Key}
	theirs, err := fastmcp.OpenClient(r.keys, row.Value)
	if err != nil || theirs.ClientID != id {
		// FastMCP's format does not bind a value to its row; the id inside does.
		return client, false, unreadable
	}
	client.Name, client.Scope = deref(theirs.ClientName), deref(theirs.Scope)
	client.RedirectURIs, client.ResponseTypes = theirs.RedirectURIs, theirs.ResponseTypes
	if ours, ok := theirs.Extra[extraMember]; ok {
		var e extra
		if err := fastmcp.DecodeObject(ours, e.field); err != nil {
			return client, false, unreadable
		}
		return e.addTo(client), false, nil
	}
	client.GrantTypes, client.URI = theirs.GrantTypes, deref(theirs.ClientURI)
	if secret := deref(theirs.ClientSecret); secret != "" {
		client.SecretHash = storage.HashOf(secret)
	}
	return client, true, nil
}

// addTo adds what FastMCP does not keep.
func (e extra) addTo(c storage.Client) storage.Client {
	c.URI, c.RedirectURIs, c.GrantTypes = e.ClientURI, e.RedirectURIs, e.GrantTypes
	c.AuthMethod, c.SecretHash, c.ApplicationType = e.AuthMethod, e.SecretHash, e.ApplicationType
	c.JWKS, c.JWKSURI, c.SigningAlg = e.JWKS, e.JWKSURI, e.SigningAlg
	c.RegistrationTokenHash, c.SoftwareID, c.SoftwareVersion = e.TokenHash, e.SoftwareID, e.SoftwareVersion
	c.Origin = e.Origin
	return c
}

// DeleteClient implements storage.ClientStore.
func (r *Repo) DeleteClient(ctx context.Context, id string, now time.Time) error {
	return r.write(ctx, "delete a client", func(ctx context.Context, q db.Querier) error {
		// The count first, as everywhere: see reclaim.
		if err := q.AddToClientCount(ctx, -1); err != nil {
			return err
		}
		if err := deleteClientRows(ctx, q, id); err != nil {
			return err
		}
		revoked, err := q.RevokeGrantsOfClient(ctx, sqlitedb.RevokeGrantsOfClientParams{Now: unix(now), ClientID: id})
		if err != nil {
			return err
		}
		return record(ctx, q, storage.Event{
			Type: storage.EventClientDeleted, ClientID: id, Detail: fmt.Sprintf("%d grants revoked", revoked),
		}, now)
	})
}

// deleteClientRows deletes what is kept of a client: its row, and what was fetched
// for it. The count has been taken down for the row.
func deleteClientRows(ctx context.Context, q db.Querier, id string) error {
	rows, err := q.DeleteClient(ctx, fastmcp.ClientKey(id))
	if err != nil {
		return err
	}
	documents, err := q.DeleteClientDocuments(ctx, id)
	if err != nil || rows > 0 {
		return err
	}
	if documents == 0 {
		return storage.ErrNotFound
	}
	return q.AddToClientCount(ctx, 1) // a client with a document only was not counted
}

// clientNames returns a function that finds the names of clients for a listing,
// each once. A client without a row has the name in its document; one whose row does
// not open has none.
func (r *Repo) clientNames(ctx context.Context, q db.Querier) func(id string) (string, error) {
	known := map[string]string{}
	return func(id string) (string, error) {
		if name, ok := known[id]; ok {
			return name, nil
		}
		row, err := q.GetClient(ctx, fastmcp.ClientKey(id))
		if r.db.Classify(err) == db.NoRows {
			known[id], err = r.documentName(ctx, q, id)
			return known[id], err
		}
		if err != nil {
			return "", err
		}
		client, err := r.clientOf(row)
		if err != nil && !errors.Is(err, storage.ErrUnreadable) {
			return "", err
		}
		known[id] = strings.TrimSpace(client.Name)
		return known[id], nil
	}
}

func (r *Repo) documentName(ctx context.Context, q db.Querier, id string) (string, error) {
	name, err := q.GetClientDocumentName(ctx, id)
	if r.db.Classify(err) == db.NoRows {
		return "", nil
	}
	return name, err
}
