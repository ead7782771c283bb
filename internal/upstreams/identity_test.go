package upstreams_test

import (
	"testing"

	"github.com/mcpkeep/mcpkeep/internal/gateway"
	"github.com/mcpkeep/mcpkeep/internal/upstreams"
)

// TestIdentity: an upstream of the operator's own learns who calls, in headers and in an
// assertion, and one on the public internet does not, unless its entry says otherwise.
func TestIdentity(t *testing.T) {
	t.Parallel()
	type answer struct {
		headers, assertion bool
		audience           string
	}
	cases := map[string]answer{
		`{"url": "http://127.0.0.1:9000"}`:                                          {true, true, "http://127.0.0.1:9000"},
		`{"url": "http://[::1]:9000/mcp"}`:                                          {true, true, "http://[::1]:9000/mcp"},
		`{"url": "http://10.1.2.3/mcp"}`:                                            {true, true, "http://10.1.2.3/mcp"},
		`{"url": "http://tickets:9000/mcp"}`:                                        {true, true, "http://tickets:9000/mcp"},
		`{"url": "unix:/run/t.sock:/mcp"}`:                                          {true, true, "unix:/run/t.sock:/mcp"},
		`{"url": "https://mcp.example.com/mcp"}`:                                    {false, false, "https://mcp.example.com/mcp"},
		`{"url": "https://203.0.113.7/mcp"}`:                                        {false, false, "https://203.0.113.7/mcp"},
		`{"url": "https://mcp.example.com/mcp", "identity": "both"}`:                {true, true, "https://mcp.example.com/mcp"},
		`{"url": "https://mcp.example.com/mcp", "identity": "assertion"}`:           {false, true, "https://mcp.example.com/mcp"},
		`{"url": "http://127.0.0.1:9000", "identity": "headers"}`:                   {true, false, "http://127.0.0.1:9000"},
		`{"url": "http://127.0.0.1:9000", "identity": "none"}`:                      {false, false, "http://127.0.0.1:9000"},
		`{"audience": "tickets", "url": "http://127.0.0.1:9000"}`:                   {true, true, "tickets"},
		`{"url": "http://127.0.0.1:9000", "audience": "https://tickets.example/x"}`: {true, true, "https://tickets.example/x"},
	}
	for entry, want := range cases {
		u := parse(t, `{"mcpServers": {"a": `+entry+`}}`).Upstreams[0]
		if got := (answer{u.Identify, u.Assert, u.Audience}); got != want {
			t.Errorf("%s: %+v, want %+v", entry, got, want)
		}
	}
	for _, audience := range []string{`""`, `"two words"`, `"tïckets"`, `":x"`, `"1:2"`, `"a\"b"`, `["a"]`} {
		text := `{"mcpServers": {"a": {"url": "http://127.0.0.1:9000", "audience": ` + audience + `}}}`
		if _, err := upstreams.Parse("f.yaml", []byte(text), options()); err == nil {
			t.Errorf("the audience %s was taken", audience)
		}
	}
	target, err := gateway.ParseTarget("http://127.0.0.1:9000")
	if err != nil {
		t.Fatal(err)
	}
	if u := upstreams.At(target); !u.Identify || !u.Assert || u.Audience != "http://127.0.0.1:9000" {
		t.Errorf("--upstream: %+v", u)
	}
}
