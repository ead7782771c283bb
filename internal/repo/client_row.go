package repo

import (
	"context"
	"encoding/json"

	"github.com/mcpkeep/mcpkeep/internal/db"
	"github.com/mcpkeep/mcpkeep/internal/db/sqlitedb"
	"github.com/mcpkeep/mcpkeep/internal/fastmcp"
	"github.com/mcpkeep/mcpkeep/internal/metadata"
	"github.com/mcpkeep/mcpkeep/internal/sealed"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// ownMembers is what a row holds that FastMCP does not keep, or not as the client
// registered it: FastMCP may rewrite redirect URIs.
type ownMembers struct {
	metadata.Client
	SecretHash storage.Hash   `json:"client_secret_sha256,omitempty"`
	TokenHash  storage.Hash   `json:"registration_access_token_sha256,omitempty"`
	Origin     storage.Origin `json:"origin,omitempty"`
	// ClaimedName of a client without a name.
	ClaimedName string `json:"claimed_name,omitempty"`
	// ClientID binds members that are sealed by themselves to their row.
	ClientID string `json:"client_id,omitempty"`
}

// field returns a pointer to the field of a member, nil for an unknown one.
func (o *ownMembers) field(member string) any {
	switch member {
	case "client_secret_sha256":
		return (*string)(&o.SecretHash)
	case "registration_access_token_sha256":
		return (*string)(&o.TokenHash)
	case "origin":
		return (*string)(&o.Origin)
	case "claimed_name":
		return &o.ClaimedName
	case "client_id":
		return &o.ClientID
	}
	return o.Field(member)
}

// sealClient returns the row's value, which is FastMCP's JSON in py-key-value's envelope, and
// the encryption key that it needs: see sealRow.
func (r *Repo) sealClient(c storage.Client) (value json.RawMessage, keyID *string, err error) {
	if r.theirs().inClear() {
		return r.clientInClear(c)
	}
	own := ownMembers{
		Client: c.Client, SecretHash: c.SecretHash, TokenHash: c.RegistrationTokenHash, Origin: c.Origin, ClaimedName: c.ClaimedName,
	}
	own.Name, own.ResponseTypes = "", nil // which FastMCP keeps
	if r.sharedScope == "" {
		own.Scope = "" // FastMCP keeps the same
	}
	extra, err := json.Marshal(own)
	if err != nil {
		return nil, nil, err
	}
	plaintext, err := r.encodeClient(c, map[string]json.RawMessage{fastmcp.ExtraMember: extra})
	if err != nil {
		return nil, nil, err
	}
	return r.sealRow(plaintext)
}

// clientInClear is sealClient for a FastMCP server that does not encrypt. Our member, which is
// the whole client and the only part that counts here, is sealed by itself.
func (r *Repo) clientInClear(c storage.Client) (value json.RawMessage, keyID *string, err error) {
	own, err := json.Marshal(ownMembers{
		Client: c.Client, SecretHash: c.SecretHash, TokenHash: c.RegistrationTokenHash, Origin: c.Origin, ClaimedName: c.ClaimedName, ClientID: c.ID,
	})
	if err != nil {
		return nil, nil, err
	}
	member, err := fastmcp.Seal(r.keys, own)
	if err != nil {
		return nil, nil, err
	}
	primary := r.keys.Primary()
	value, err = r.encodeClient(c, map[string]json.RawMessage{fastmcp.ExtraMember: member})
	return value, &primary, err
}

// encodeClient writes a client as FastMCP does, with further members. To FastMCP every client
// is public, as are those that it registers itself.
func (r *Repo) encodeClient(c storage.Client, extra map[string]json.RawMessage) (json.RawMessage, error) {
	scope := r.sharedScope
	if scope == "" {
		scope = c.Scope
	}
	return fastmcp.EncodeClient(fastmcp.Client{
		ClientID: c.ID, RedirectURIs: c.RedirectURIs, TokenEndpointAuthMethod: "none",
		GrantTypes: []string{"authorization_code", "refresh_token"}, ResponseTypes: []string{"code"},
		Scope: db.Nullable(scope), ClientName: db.Nullable(c.Name), Extra: extra,
	})
}

// clientOf decrypts a client row, whether this program or FastMCP wrote it.
func (r *Repo) clientOf(row sqlitedb.OAuthClient) (storage.Client, error) {
	client, _, err := r.openClient(row)
	return client, err
}

// openClient is like clientOf, and also reports whether another program wrote the row.
func (r *Repo) openClient(row sqlitedb.OAuthClient) (client storage.Client, foreign bool, err error) {
	defer func() {
		if err != nil {
			r.db.Observer().Unreadable(fastmcp.ClientTable)
		}
	}()
	id, _ := fastmcp.ClientID(row.Key)
	client.ID = id
	if row.CreatedAt != nil {
		client.CreatedAt = row.CreatedAt.UTC()
	}
	unreadable := &storage.UnreadableError{Table: fastmcp.ClientTable, Row: row.Key}
	theirs, encrypted, err := fastmcp.OpenClient(r.opening(), row.Value)
	if err != nil || theirs.ClientID != id {
		// FastMCP's format does not bind a value to its row; the ID inside does.
		return client, false, unreadable
	}
	if r.sharedScope != "" && db.Text(theirs.Scope) == r.sharedScope {
		theirs.Scope = nil // FastMCP's; ours, if any, is among our members
	}
	extra, ours := theirs.Extra[fastmcp.ExtraMember]
	if ours && fastmcp.IsSealed(extra) {
		if client, err = r.clientOfMember(client, extra); err != nil {
			err = unreadable
		}
		return client, false, err
	}
	if !ours || !encrypted { // without a key, our member can be written as well
		return foreignClient(client, theirs), true, nil
	}
	own := ownMembers{Client: metadata.Client{
		Name: db.Text(theirs.ClientName), Scope: db.Text(theirs.Scope), ResponseTypes: theirs.ResponseTypes,
	}}
	if err := fastmcp.DecodeObject(extra, own.field); err != nil {
		return client, false, unreadable
	}
	client.Client, client.SecretHash = own.Client, own.SecretHash
	client.RegistrationTokenHash, client.Origin, client.ClaimedName = own.TokenHash, own.Origin, own.ClaimedName
	return client, false, nil
}

// clientOfMember adds what clientInClear has sealed.
func (r *Repo) clientOfMember(c storage.Client, member json.RawMessage) (storage.Client, error) {
	plaintext, _, err := fastmcp.OpenWithKey(r.keys, member)
	if err != nil {
		return c, err
	}
	var own ownMembers
	if err := fastmcp.DecodeObject(plaintext, own.field); err != nil {
		return c, err
	}
	if own.ClientID != c.ID {
		return c, storage.ErrUnreadable
	}
	c.Client, c.SecretHash, c.RegistrationTokenHash = own.Client, own.SecretHash, own.TokenHash
	c.Origin, c.ClaimedName = own.Origin, own.ClaimedName
	return c, nil
}

// foreignClient adds what FastMCP knows about a client that registered there. FastMCP
// records no authentication method and does not authenticate clients by keys.
func foreignClient(c storage.Client, theirs fastmcp.Client) storage.Client {
	c.NormalURIs = true
	c.Client = metadata.Client{
		Name: db.Text(theirs.ClientName), URI: db.Text(theirs.ClientURI), Scope: db.Text(theirs.Scope),
		RedirectURIs: theirs.RedirectURIs, GrantTypes: theirs.GrantTypes, ResponseTypes: theirs.ResponseTypes,
		ApplicationType: db.Text(theirs.ApplicationType),
		SoftwareID:      db.Text(theirs.SoftwareID), SoftwareVersion: db.Text(theirs.SoftwareVersion),
	}
	if theirs.CIMDDocument != nil {
		c.Document, c.ConfirmedAt = string(theirs.CIMDDocument), theirs.FetchedAt()
	}
	if secret := db.Text(theirs.ClientSecret); secret != "" {
		c.SecretHash = storage.HashOf(secret)
	}
	return c
}

// blameKeys reports whether a client row may not open because a key that is on record
// is not configured here: rows in the shared format do not name theirs. A client must
// not be told to register again because a rollout is in progress.
func (r *Repo) blameKeys(ctx context.Context, q db.Querier, row string, unreadable error) error {
	records, err := q.ListActiveEncryptionKeys(ctx)
	if err != nil {
		return err
	}
	for _, rec := range records {
		if !r.keys.Has(rec.ID) {
			return sealed.Place{Table: fastmcp.ClientTable, Column: "value", Row: row}.MissingKey(rec.ID)
		}
	}
	return unreadable
}
