package harness

import (
	"testing"

	"github.com/mcpkeep/mcpkeep/internal/fetch/fetchtest"
)

// NewClientSite starts a site that publishes client ID metadata documents, on
// loopback with TLS. Give its Env to a process with [Options]; Publish returns the
// client ID of a document:
//
//	site := harness.NewClientSite(t)
//	id := site.Publish("/client.json", map[string]any{"redirect_uris": []string{"http://localhost/callback"}})
//	p := harness.Start(t, harness.Options{Database: harness.SQLite(t), Env: site.Env()})
func NewClientSite(t testing.TB) *fetchtest.Site {
	t.Helper()
	return fetchtest.New(t)
}
