package fetchtest_test

import (
	"encoding/json"
	"net/netip"
	"testing"

	"github.com/mcpkeep/mcpkeep/internal/fetch"
	"github.com/mcpkeep/mcpkeep/internal/fetch/fetchtest"
)

func TestSite(t *testing.T) {
	t.Parallel()
	s := fetchtest.New(t)
	f := fetch.New(fetch.Config{Networks: []netip.Prefix{fetchtest.Network()}, RootCAs: s.Roots})
	id := s.Publish("/c.json", map[string]any{"client_name": "Changed", "grant_types": nil})
	got, err := f.Get(t.Context(), id, "")
	if err != nil {
		t.Fatal(err)
	}
	var document map[string]any
	if err := json.Unmarshal(got.Body, &document); err != nil {
		t.Fatal(err)
	}
	if document["client_id"] != id || document["client_name"] != "Changed" || document["grant_types"] != nil {
		t.Errorf("document %v", document)
	}
	if s.Requests("/c.json") != 1 || s.Requests("") != 1 {
		t.Error("requests are not counted")
	}
	s.Fail(fetchtest.Down)
	if _, err := f.Get(t.Context(), id, ""); err == nil {
		t.Error("down: no error")
	}
	s.Fail(nil)
	if _, err := fetch.New(fetch.Config{Networks: []netip.Prefix{fetchtest.Network()}}).Get(t.Context(), id, ""); err == nil {
		t.Error("a fetcher that does not know the authority: no error")
	}
}
