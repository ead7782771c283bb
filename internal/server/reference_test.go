package server_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/mcpkeep/mcpkeep/internal/fetch/fetchtest"
)

// lines returns the lines of the log from a place on.
func (r *record) lines(t testing.TB, from int) []map[string]any {
	t.Helper()
	var list []map[string]any
	for line := range strings.Lines(r.String()[from:]) {
		var members map[string]any
		if err := json.Unmarshal([]byte(line), &members); err != nil {
			t.Fatal(err)
		}
		list = append(list, members)
	}
	return list
}

// oneReference fails the test unless all lines since have one reference, and one of
// them tells of the event. It returns the reference.
func (r *record) oneReference(t testing.TB, from int, event string) string {
	t.Helper()
	ref, told := "", false
	for _, line := range r.lines(t, from) {
		got, _ := line["reference"].(string)
		if ref == "" {
			ref = got
		}
		if got == "" || got != ref {
			t.Errorf("reference %q, want %q: %v", got, ref, line)
		}
		told = told || line["event"] == event
	}
	if !told {
		t.Errorf("the log does not tell of %s:\n%s", event, r.String()[from:])
	}
	return ref
}

// TestOneReference: whatever is logged about a request has the reference that is on
// its page, also what is found out far below the endpoint.
func TestOneReference(t *testing.T) {
	t.Parallel()
	s := start(t, publishing(fetchtest.New(t)))
	damaged := s.putClient("damaged", func([]byte) []byte { return []byte(`{"__encrypted_data__":"x","__encryption_version__":1}`) }, nil)
	published := s.published("/c.json")
	s.publisher.Fail(fetchtest.Down)
	for event, path := range map[string]string{
		"client_unreadable": damaged.authorizePath(), "client_document_failed": published.authorizePath(),
	} {
		from := len(s.log.String())
		page := s.browser().visit(path)
		if ref := s.log.oneReference(t, from, event); !strings.Contains(page.Body, `Reference</dt><dd class="code">`+ref+"<") {
			t.Errorf("%s: the page does not show the reference %q", event, ref)
		}
	}
	k := newSigner(t, "k1")
	c := s.register(map[string]any{"token_endpoint_auth_method": "private_key_jwt", "jwks": k.set()})
	form := changed(c.refreshForm("unknown"), k.assert(t, c))
	s.form("/token", form).want(t, http.StatusBadRequest, "invalid_grant")
	from := len(s.log.String())
	s.form("/token", form).want(t, http.StatusUnauthorized, "invalid_client")
	s.log.oneReference(t, from, "assertion_reuse")
	got := s.register().connect()
	from = len(s.log.String())
	if a := s.callTool(got.access, "revoke_connection", `{"connection_id":"gr_none"}`); a.Status != http.StatusForbidden {
		t.Errorf("%d %s", a.Status, a.Body)
	}
	s.log.oneReference(t, from, "insufficient_scope")
}
