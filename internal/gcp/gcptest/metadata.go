package gcptest

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/gcp"
)

// serveMetadata is https://cloud.google.com/run/docs/container-contract#metadata-server.
func (c *Cloud) serveMetadata(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Metadata-Flavor", "Google")
	w.Header().Set("Server", "Metadata Server for Cloud Run")
	if r.Header.Get("Metadata-Flavor") != "Google" || r.Header.Get("X-Forwarded-For") != "" {
		http.Error(w, "Missing Metadata-Flavor:Google header.", http.StatusForbidden)
		return
	}
	path, ok := strings.CutPrefix(r.URL.Path, "/computeMetadata/v1/")
	texts := map[string]string{
		"project/project-id": Project, "project/numeric-project-id": Number,
		"instance/region": "projects/" + Number + "/regions/" + Region,
		"instance/zone":   "projects/" + Number + "/zones/" + Region + "-1",
		"instance/id":     "00f46b9285a9d5bc",
		"instance/service-accounts/default/email": Account,
	}
	switch text := texts[path]; {
	case ok && text != "":
		w.Header().Set("Content-Type", "application/text")
		_, _ = io.WriteString(w, text)
	case ok && path == "instance/service-accounts/default/token":
		c.serveToken(w, r)
	default:
		http.Error(w, "not found", http.StatusNotFound)
	}
}

func (c *Cloud) serveToken(w http.ResponseWriter, r *http.Request) {
	scopes := []string{gcp.ScopeCloud}
	if asked := r.URL.Query().Get("scopes"); asked != "" {
		scopes = strings.Split(asked, ",")
	}
	text, lifetime := c.issue(scopes)
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]any{
		"access_token": text, "expires_in": int64(lifetime / time.Second), "token_type": "Bearer",
	})
}
