package gcptest

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"net/http"
	"strconv"
	"strings"

	"github.com/mcpkeep/mcpkeep/internal/gcp"
)

// States of a version.
const (
	Enabled   = "ENABLED"
	Disabled  = "DISABLED"
	Destroyed = "DESTROYED"
)

type secret struct {
	versions []version // number 1 first
	aliases  map[string]int
}

type version struct{ data, state string }

// AddVersion adds a version to a secret, such as projects/P/secrets/S, which it makes if need
// be, and returns the version's name.
func (c *Cloud) AddVersion(name, data string) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.secrets[name]
	if s == nil {
		s = &secret{aliases: map[string]int{}}
		c.secrets[name] = s
	}
	s.versions = append(s.versions, version{data, Enabled})
	return name + "/versions/" + strconv.Itoa(len(s.versions))
}

// SetState sets the state of a version by its name.
func (c *Cloud) SetState(name, state string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	secret, number, _ := strings.Cut(name, "/versions/")
	n, err := strconv.Atoi(number)
	if err != nil || c.secrets[secret] == nil {
		panic("no version " + name)
	}
	c.secrets[secret].versions[n-1].state = state
}

// serveSecrets is projects.secrets.versions.access of the REST API, version 1.
func (c *Cloud) serveSecrets(w http.ResponseWriter, r *http.Request) {
	name, isAccess := strings.CutSuffix(strings.TrimPrefix(r.URL.Path, "/v1/"), ":access")
	bearer, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	switch {
	case !isAccess || r.Method != http.MethodGet:
		refuse(w, http.StatusNotFound, "NOT_FOUND", "Requested entity was not found.", "")
	case !c.Valid(bearer, gcp.ScopeCloud, gcp.ScopeLogin):
		refuse(w, http.StatusUnauthorized, "UNAUTHENTICATED", "Request had invalid authentication credentials.", "")
	case !c.Valid(bearer, gcp.ScopeCloud):
		refuse(w, http.StatusForbidden, "PERMISSION_DENIED", "Request had insufficient authentication scopes.", "ACCESS_TOKEN_SCOPE_INSUFFICIENT")
	case c.off():
		refuse(w, http.StatusForbidden, "PERMISSION_DENIED", "Secret Manager API has not been used in project "+Number+" before or it is disabled.", "SERVICE_DISABLED")
	case !c.HasRole(RoleSecretAccessor):
		refuse(w, http.StatusForbidden, "PERMISSION_DENIED", "Permission 'secretmanager.versions.access' denied for resource '"+name+"' (or it may not exist).", "IAM_PERMISSION_DENIED")
	default:
		c.serveVersion(w, name)
	}
}

func (c *Cloud) off() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.apiOff
}

func (c *Cloud) serveVersion(w http.ResponseWriter, name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	parent, asked, _ := strings.Cut(name, "/versions/")
	s := c.secrets[parent]
	if s == nil {
		refuse(w, http.StatusNotFound, "NOT_FOUND", "Secret ["+parent+"] not found or has no versions.", "")
		return
	}
	number, err := strconv.Atoi(asked)
	switch {
	case asked == "latest":
		number = len(s.versions)
	case err != nil:
		number = s.aliases[asked]
	}
	if number < 1 || number > len(s.versions) {
		refuse(w, http.StatusNotFound, "NOT_FOUND", "Secret Version ["+name+"] not found.", "")
		return
	}
	v := s.versions[number-1]
	full := fmt.Sprintf("%s/versions/%d", strings.Replace(parent, "projects/"+Project, "projects/"+Number, 1), number)
	if v.state != Enabled {
		refuse(w, http.StatusBadRequest, "FAILED_PRECONDITION", "Secret Version ["+full+"] is in "+v.state+" state.", "")
		return
	}
	sum := crc32.Checksum([]byte(v.data), crc32.MakeTable(crc32.Castagnoli))
	w.Header().Set("Content-Type", "application/json; charset=UTF-8")
	_ = json.NewEncoder(w).Encode(map[string]any{
		"name": full,
		"payload": map[string]any{
			"data": base64.StdEncoding.EncodeToString([]byte(v.data)), "dataCrc32c": strconv.FormatUint(uint64(sum), 10),
		},
	})
}

// refuse writes an error of Google's REST APIs (google.rpc.Status).
func refuse(w http.ResponseWriter, code int, status, message, reason string) {
	problem := map[string]any{"code": code, "message": message, "status": status}
	if reason != "" {
		problem["details"] = []map[string]any{{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": reason, "domain": "googleapis.com"}}
	}
	w.Header().Set("Content-Type", "application/json; charset=UTF-8")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(map[string]any{"error": problem})
}
