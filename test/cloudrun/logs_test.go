package cloudrun_test

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/mcpkeep/mcpkeep/internal/gcp/gcptest"
	"github.com/mcpkeep/mcpkeep/test/harness"
)

// frontEnd is Google's: it gives each request a trace of its own, in one of the two forms in
// turn, and says who asked.
type frontEnd struct {
	http.RoundTripper
	mu   sync.Mutex
	sent map[string]string // method and path by the ID of the trace
}

func (f *frontEnd) RoundTrip(r *http.Request) (*http.Response, error) {
	f.mu.Lock()
	n := len(f.sent) + 1
	trace := fmt.Sprintf("%032x", n)
	f.sent[trace] = r.Method + " " + r.URL.Path
	f.mu.Unlock()
	r = r.Clone(r.Context())
	if n%2 == 0 {
		r.Header.Set("Traceparent", "00-"+trace+"-00f067aa0ba902b7-01")
	} else {
		r.Header.Set("X-Cloud-Trace-Context", trace+"/74565;o=1")
	}
	r.Header.Set("X-Forwarded-For", "198.51.100.7")
	return f.RoundTripper.RoundTrip(r)
}

// TestLogLines: through a whole life of a client, each line has the form of Cloud Logging, and
// each line about a request names the trace that the request came with.
func TestLogLines(t *testing.T) {
	t.Parallel()
	schema := logSchema(t)
	cloud := gcptest.New(t)
	opts := harness.Options{Database: harness.SQLite(t), Env: append(cloud.Environ(),
		"K_SERVICE=mcpkeep", "K_REVISION=mcpkeep-00001-abc", "K_CONFIGURATION=mcpkeep", "MCPKEEP_ALLOW_EPHEMERAL=true",
		"MCPKEEP_LOG_LEVEL=debug", "MCPKEEP_LOG_FORMAT=")}
	p := harness.Start(t, opts)
	front := &frontEnd{RoundTripper: http.DefaultTransport, sent: map[string]string{}}
	live(t, p, front)
	if status := p.Term(); status != 0 {
		t.Errorf("it ended with status %d", status)
	}
	seen := map[string]bool{}
	for line := range strings.Lines(p.Logs.String()) {
		if !strings.HasPrefix(line, "{") {
			if !strings.HasPrefix(line, "listening on ") && !strings.HasPrefix(line, "The password is ") { // for people
				t.Errorf("not an entry: %s", line)
			}
			continue
		}
		entry, err := jsonschema.UnmarshalJSON(strings.NewReader(line))
		must(t, err)
		if err := schema.Validate(entry); err != nil {
			t.Errorf("%s: %v", line, err)
		}
		front.compare(t, entry.(map[string]any), seen)
	}
	for trace, request := range front.sent {
		if !seen[trace] {
			t.Errorf("no line about %s", request)
		}
	}
}

// live has a client register, sign in, call, refresh and end, with mistakes in between.
func live(t *testing.T, p *harness.Process, front http.RoundTripper) {
	t.Helper()
	ctx, c := t.Context(), harness.NewClient(p.URL, front)
	must(t, c.SignIn(ctx, harness.NewBrowser(front)))
	_, err := c.Call(ctx, "whoami")
	must(t, err)
	must(t, c.Refresh(ctx))
	p.Kill9()
	must(t, p.Restart())
	must(t, c.Refresh(ctx))
	_, err = harness.WrongPassword(ctx, p.URL)
	must(t, err)
	must(t, c.Revoke(ctx, c.RefreshToken))
	if _, err := c.Call(ctx, "whoami"); harness.StatusOf(err) != http.StatusUnauthorized {
		t.Errorf("a call after the end: %v", err)
	}
}

// compare holds an entry about a request against what was sent.
func (f *frontEnd) compare(t *testing.T, entry map[string]any, seen map[string]bool) {
	t.Helper()
	request, about := entry["httpRequest"].(map[string]any)
	named, _ := entry["logging.googleapis.com/trace"].(string)
	trace := strings.TrimPrefix(named, "projects/"+gcptest.Project+"/traces/")
	switch sent, known := f.sent[trace]; {
	case named == "":
	case !known:
		t.Errorf("a trace that no request has: %v", entry)
	case about && sent != fmt.Sprintf("%s %s", request["requestMethod"], request["requestUrl"]):
		t.Errorf("the trace of %s is on %v", sent, entry)
	case about && request["remoteIp"] != "198.51.100.7":
		t.Errorf("who asked: %v", entry)
	case about:
		seen[trace] = true
	}
	if _, isEvent := entry["event"]; isEvent && entry["logging.googleapis.com/labels"] == nil {
		t.Errorf("an event without labels: %v", entry)
	}
}

func logSchema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	compiler := jsonschema.NewCompiler()
	schema, err := compiler.Compile("logentry.schema.json")
	must(t, err)
	for _, wrong := range []string{
		`{"severity":"WARN","message":"x","time":"2026-11-28T22:00:00Z"}`,
		`{"severity":"INFO","message":"x","time":"yesterday"}`,
		`{"severity":"INFO","message":"x","time":"2026-11-28T22:00:00Z","logging.googleapis.com/trace":"0af7651916cd43dd8448eb211c80319c"}`,
		`{"severity":"INFO","message":"x","time":"2026-11-28T22:00:00Z","logging.googleapis.com/label":{"a":"b"}}`,
		`{"severity":"INFO","message":"x","time":"2026-11-28T22:00:00Z","httpRequest":{"requestMethod":"GET","requestUrl":"/a?code=1","status":200,"latency":"0.1s"}}`,
	} {
		entry, err := jsonschema.UnmarshalJSON(bytes.NewReader([]byte(wrong)))
		must(t, err)
		if schema.Validate(entry) == nil {
			t.Errorf("the schema takes %s", wrong)
		}
	}
	return schema
}
