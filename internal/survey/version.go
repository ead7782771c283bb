package survey

import (
	"encoding/json"
	"slices"

	"github.com/mcpkeep/mcpkeep/internal/fastmcp"
)

// generation of rows.
type generation uint8

// Generations, oldest first.
const (
	unknown generation = iota
	gen213             // the client's secret is kept
	gen21x             // the members of 2.13, without a secret
	gen3               // cimd_document
	gen4               // application_type
	gen42              // upstream_claims
	ours
)

// String is how reports call it.
func (g generation) String() string {
	return [...]string{"", "2.13", "2.13 or 2.14", "3", "4", "4.2 or later", "mcpkeep"}[g]
}

// most is how many addresses are listed.
const most = 5

func (s *Survey) readClient(id string, plaintext []byte) bool {
	c, err := fastmcp.DecodeClient(plaintext)
	var members map[string]json.RawMessage
	if err != nil || c.ClientID != id || json.Unmarshal(plaintext, &members) != nil {
		return false
	}
	has := func(name string) bool { _, ok := members[name]; return ok }
	key := nameOf(id)
	known := s.clients[key] // a refresh token may have been read before
	known.registered, known.secret, known.document, known.generation = true, c.ClientSecret != nil, c.CIMDDocument != nil, gen21x
	switch {
	case has(fastmcp.ExtraMember):
		known.generation = ours
	case has("application_type"):
		known.generation = gen4
	case has("cimd_document"):
		known.generation = gen3
	case known.secret:
		known.generation = gen213
	}
	s.clients[key] = known
	if c.Scope != nil && known.generation != ours {
		s.scopes[*c.Scope]++
	}
	if c.Issuer != nil {
		s.issuers = noted(s.issuers, *c.Issuer)
	}
	return true
}

// readTransaction keeps the resource that a client asked for: the old server's MCP endpoint.
func (s *Survey) readTransaction(plaintext []byte) {
	var t struct {
		Resource string          `json:"resource"`
		Consent  json.RawMessage `json:"consent_token"`
	}
	if json.Unmarshal(plaintext, &t) != nil {
		return
	}
	s.shape.consentToken = s.shape.consentToken || t.Consent != nil
	if t.Resource != "" {
		s.resources = noted(s.resources, t.Resource)
	}
}

// noted adds a text to a short list.
func noted(list []string, text string) []string {
	if len(list) >= most || slices.Contains(list, text) {
		return list
	}
	return append(list, text)
}

// generationOf is the generation of a session's rows.
func (s *Survey) generationOf(one session) generation {
	if one.latest {
		return gen42
	}
	return s.clients[one.client].generation
}

// version guesses from the newest rows.
func (s *Survey) version() Version {
	found := map[generation]bool{}
	for _, c := range s.clients {
		found[c.generation] = true
	}
	sessions := false
	for _, one := range s.sessions {
		found[gen42] = found[gen42] || one.latest
		sessions = sessions || one.found
	}
	v := Version{Evidence: []string{}}
	say := func(is bool, guess, why string) {
		if is {
			v.Guess = guess
			v.Evidence = append(v.Evidence, why)
		}
	}
	say(found[gen21x], gen21x.String(), "client rows without later members")
	say(found[gen213], gen213.String(), "client rows keep the secret")
	say(sessions && !s.shape.refreshRows && (found[gen213] || found[gen21x]), "2.13.0 or 2.13.1", "no row for any refresh token")
	say(s.shape.refreshRows && found[gen213], "2.13.2 or later 2.13", "refresh tokens have rows")
	say(s.shape.refreshRows && found[gen21x] && !found[gen213], "2.13.2 to 2.14", "refresh tokens have rows")
	say(found[gen3], gen3.String(), "client rows have cimd_document")
	say(s.shape.consentToken && !found[gen3] && !found[gen4] && !found[gen42], gen3.String(), "transactions have consent_token")
	say(found[gen4], gen4.String(), "client rows have application_type")
	say(found[gen42], gen42.String(), "sessions have upstream_claims")
	return v
}
