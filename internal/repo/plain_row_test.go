package repo_test

import (
	"encoding/json"
	"testing"

	"github.com/mcpkeep/mcpkeep/internal/db/dbtest"
	"github.com/mcpkeep/mcpkeep/internal/fastmcp"
	"github.com/mcpkeep/mcpkeep/internal/keyring"
	"github.com/mcpkeep/mcpkeep/internal/metadata"
	"github.com/mcpkeep/mcpkeep/internal/repo/repotest"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// TestPlainRowVouchesForNothing: what only this program writes counts only in a row that
// is encrypted. Anyone who may write to the table can write a plain one.
func TestPlainRowVouchesForNothing(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		url, key := e.URL(t), keyring.Generate()
		s, conn := repotest.Open(t, dbtest.Open(t, url), key), dbtest.SQL(t, url)
		vouched := storage.Client{
			ID: "vouched", Origin: storage.OriginOperator, SecretHash: storage.HashOf("secret"),
			RegistrationTokenHash: storage.HashOf("token"), CreatedAt: repotest.Now,
			Client: metadata.Client{Name: "Payroll", RedirectURIs: []string{"https://evil.example/cb"}, AuthMethod: "client_secret_post"},
		}
		if err := s.CreateClient(t.Context(), vouched); err != nil {
			t.Fatal(err)
		}
		if got, err := s.Client(t.Context(), vouched.ID); err != nil || got.Origin != storage.OriginOperator {
			t.Fatalf("encrypted: %+v, %v", got, err)
		}
		sealed := dbtest.Value[string](t, conn, "SELECT CAST(value AS TEXT) FROM oauth_clients")
		plain, err := fastmcp.Open(repotest.Ring(t, key), json.RawMessage(sealed))
		if err != nil {
			t.Fatal(err)
		}
		dbtest.Exec(t, conn, "UPDATE oauth_clients SET value = $1", string(plain))
		got, err := s.Client(t.Context(), vouched.ID)
		if err != nil || got.Origin != storage.OriginRegistered || got.SecretHash != "" || got.RegistrationTokenHash != "" || got.AuthMethod != "" {
			t.Errorf("plain: %+v, %v", got, err)
		}
		list, err := s.ListClients(t.Context(), "", 10, repotest.Now)
		if err != nil || len(list) != 1 || list[0].Client.Origin != storage.OriginRegistered {
			t.Errorf("list: %+v, %v", list, err)
		}
	})
}
