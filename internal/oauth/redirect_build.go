package oauth

import (
	"net/url"
	"strings"
)

// RedirectParams are the parameters of an authorization response: Code, or Error
// with its description (RFC 6749 §4.1.2). Empty ones are left out.
type RedirectParams struct {
	Code             string
	Error            Code
	ErrorDescription string
	State            string // as the client sent it
	Issuer           string // RFC 9207 §2
}

// answerParams are the parameters that only the server sets.
var answerParams = setOf("code", "error", "error_description", "error_uri", "state", "iss")

// BuildRedirect adds an authorization response to a redirect URI. The URI keeps
// its own query, but for parameters of the response: a client that registered
// ?iss=… or ?code=… would otherwise read a value that is not ours.
func BuildRedirect(redirectURI string, p RedirectParams) string {
	target, query, _ := strings.Cut(redirectURI, "?")
	query = withoutAnswerParams(query)
	for _, param := range [][2]string{
		{"code", p.Code},
		{"error", string(p.Error)},
		{"error_description", printable(p.ErrorDescription)},
		{"state", p.State},
		{"iss", p.Issuer},
	} {
		if param[1] == "" {
			continue
		}
		if query != "" {
			query += "&"
		}
		query += param[0] + "=" + escape(param[1])
	}
	return target + "?" + query
}

// withoutAnswerParams drops parameters of the response from a query and leaves
// the others as they are. A semicolon separates, too: some clients still read it so.
func withoutAnswerParams(query string) string {
	var kept strings.Builder
	for query != "" {
		end := strings.IndexAny(query, "&;") + 1
		if end == 0 {
			end = len(query)
		}
		name, _, _ := strings.Cut(strings.TrimRight(query[:end], "&;"), "=")
		if decoded, err := url.QueryUnescape(name); err != nil || !answerParams[strings.TrimSpace(decoded)] {
			kept.WriteString(query[:end])
		}
		query = query[end:]
	}
	return strings.TrimRight(kept.String(), "&;")
}

// escape encodes a space as %20: unlike a plus sign, every decoder reads it back.
func escape(s string) string {
	return strings.ReplaceAll(url.QueryEscape(s), "+", "%20")
}
