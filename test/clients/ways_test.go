//go:build clients

package clients_test

import (
	"encoding/json"
	"testing"

	"github.com/mcpkeep/mcpkeep/test/harness"
)

// way is a way for a client to be known to the server.
type way struct {
	key           string
	name          string // for people
	registrations int    // by the client itself
	prepare       func(*testing.T, library) introduction
}

// introduction makes one client known.
type introduction struct {
	env []string // of the server
	// make makes the client known and completes what its application is told.
	make func(harness.Options, *setup)
}

func ways() []way {
	return []way{
		{key: "registration", name: "registration", registrations: 1, prepare: func(*testing.T, library) introduction {
			return introduction{make: func(harness.Options, *setup) {}}
		}},
		{key: "document", name: "metadata document", prepare: document},
		{key: "public", name: "pre-registration", prepare: func(t *testing.T, _ library) introduction {
			t.Helper()
			return preregistered(t, "none")
		}},
		{key: "secret", name: "pre-registration, with a secret", prepare: func(t *testing.T, lib library) introduction {
			t.Helper()
			return preregistered(t, lib.secretBy)
		}},
	}
}

// document publishes the client's metadata document on a site. The redirect URI in it
// has no port, as in those of vendors.
func document(t *testing.T, lib library) introduction {
	t.Helper()
	site := harness.NewClientSite(t)
	id := site.Publish("/oauth/client.json", map[string]any{"redirect_uris": []string{"http://127.0.0.1" + lib.redirectPath()}})
	return introduction{env: site.Env(), make: func(_ harness.Options, s *setup) { s.DocumentURL = id }}
}

// preregistered has the operator register the client.
func preregistered(t *testing.T, authMethod string) introduction {
	t.Helper()
	return introduction{make: func(opts harness.Options, s *setup) {
		t.Helper()
		env := append([]string{"DATABASE_URL=" + opts.Database}, opts.Env...)
		r := harness.Run(t.Context(), t, env, "clients", "create", "--json",
			"--name", "Pre-registered", "--redirect-uri", s.RedirectURI, "--auth-method", authMethod)
		var created struct {
			ID     string `json:"client_id"`
			Secret string `json:"client_secret"`
		}
		err := json.Unmarshal([]byte(r.Stdout), &created)
		if err != nil || r.Status != 0 || created.ID == "" || (created.Secret == "") != (authMethod == "none") {
			t.Fatalf("clients create: status %d, %v: %s%s", r.Status, err, r.Stdout, r.Stderr)
		}
		s.ClientID, s.ClientSecret = created.ID, created.Secret
	}}
}
