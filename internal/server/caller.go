package server

import (
	"log/slog"
	"net/http"
	"regexp"
	"strings"

	"github.com/mcpkeep/mcpkeep/internal/display"
	"github.com/mcpkeep/mcpkeep/internal/logging"
	"github.com/mcpkeep/mcpkeep/internal/oauth"
)

// caller is who sent a request, as far as the request says and the server knows. It is
// for the log alone.
type caller struct {
	client string // the client ID: one on record, or one that has the form of an ID
	grant  string
}

// maxLoggedID bounds a client ID in the log.
const maxLoggedID = 200

// generatedID is the form of the IDs that registration gives out.
var generatedID = regexp.MustCompile(`^c_[a-z2-7]{26}$`)

// noteNamed remembers which client a request names, before that client is known. Clients
// also send other things in this parameter, secrets among them, which the log must not have:
// only what has the form of an ID is kept.
func noteNamed(w http.ResponseWriter, id string) {
	if generatedID.MatchString(id) || oauth.IsMetadataURL(id) && !strings.Contains(id, "?") {
		noteClient(w, id)
	}
}

// noteClient remembers a client on record that a request is from.
func noteClient(w http.ResponseWriter, id string) {
	if rec, ok := w.(*recorder); ok {
		rec.caller.client = id
	}
}

// noteAuthorization remembers the client of an authorization request, if it is on record.
func noteAuthorization(w http.ResponseWriter, ar authorization) {
	if !ar.toRegister {
		noteClient(w, ar.client.ID)
	}
}

// noteGrant remembers which grant a request uses, and its client.
func noteGrant(w http.ResponseWriter, client, grant string) {
	if rec, ok := w.(*recorder); ok {
		rec.caller = caller{client: client, grant: grant}
	}
}

// attrs returns what is known of the sender of a request as attributes of its line.
func (c caller) attrs(r *http.Request) []slog.Attr {
	list := make([]slog.Attr, 0, 3)
	if c.client != "" {
		list = append(list, slog.String(logging.ClientID, display.Line(c.client, maxLoggedID)))
	}
	if c.grant != "" {
		list = append(list, slog.String(logging.GrantID, c.grant))
	}
	if product := product(r.Header.Get("User-Agent")); product != "" {
		list = append(list, slog.String(logging.UserAgent, product))
	}
	return list
}

// maxProduct bounds the name of a product.
const maxProduct = 64

// product returns the first product of a User-Agent header (RFC 9110 §10.1.5), such as
// "claude-code/2.1.330", without what it is not made of; "" for none. The rest is about the
// sender's machine and stays out of the log.
func product(userAgent string) string {
	first, _, _ := strings.Cut(strings.TrimSpace(userAgent), " ")
	if len(first) > maxProduct {
		first = first[:maxProduct]
	}
	return strings.Map(func(c rune) rune {
		if c < 0x21 || c > 0x7e || strings.ContainsRune(`"(),:;<=>?@[\]{}`, c) {
			return -1
		}
		return c
	}, first)
}
