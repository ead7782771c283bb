package doctor_test

import (
	"errors"
	"net/http"
	"testing"

	"github.com/mcpkeep/mcpkeep/internal/doctor"
	"github.com/mcpkeep/mcpkeep/internal/gcp"
	"github.com/mcpkeep/mcpkeep/internal/gcp/gcptest"
)

// noNetwork answers no request.
type noNetwork struct{}

func (noNetwork) RoundTrip(*http.Request) (*http.Response, error) {
	return nil, errors.New("no network")
}

// TestServiceAddresses: a service has two addresses, of which one follows from its name.
func TestServiceAddresses(t *testing.T) {
	gcptest.New(t).Use(t)
	const derived, hashed = "https://mcp-123456789012.europe-west1.run.app", "https://mcp-abcdefghij-ew.a.run.app"
	for name, tt := range map[string]struct {
		base   string
		names  []string
		status doctor.Status
		what   string
	}{
		"derived":         {derived, nil, doctor.OK, "gcloud run services describe mcp --region europe-west1"},
		"both":            {hashed, []string{derived}, doctor.OK, "the other address"},
		"own domain":      {"https://mcp.example.com", nil, doctor.OK, derived},
		"hashed alone":    {hashed, nil, doctor.Warning, "also answers at " + derived},
		"another service": {"https://other-123456789012.europe-west1.run.app", nil, doctor.Failed, "another service than mcp"},
		"another region":  {"https://mcp-123456789012.us-east1.run.app", nil, doctor.Failed, "another service than mcp"},
		"another's hash":  {"https://mcp.example.com", []string{"https://other-abcdefghij-ew.a.run.app"}, doctor.Failed, "another service than mcp"},
	} {
		d := localDoctor(t)
		d.Loopback, d.BaseURL, d.Names = false, tt.base, tt.names
		d.HTTP = &http.Client{Transport: noNetwork{}}
		d.Google = &doctor.Google{Name: "mcp", Client: gcp.Default}
		t.Run(name, func(t *testing.T) { wants(t, d.Run(t.Context()), "google_addresses", tt.status, tt.what) })
	}
}
