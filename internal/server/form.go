package server

import (
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/mcpkeep/mcpkeep/internal/oauth"
)

// maxBody bounds every request body but that of the MCP endpoint.
const maxBody = 64 << 10

// formType is the media type of forms.
const formType = "application/x-www-form-urlencoded"

// parseForm reads a form, strictly, from a body that is said to be one.
func parseForm(r *http.Request) (url.Values, error) {
	if !namesForm(r.Header.Values("Content-Type")) {
		return nil, oauth.NewError(oauth.InvalidRequest, "the content type must be "+formType)
	}
	body, err := io.ReadAll(r.Body)
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		return nil, errBodyTooLarge
	}
	if err != nil {
		return nil, oauth.NewError(oauth.InvalidRequest, "the form is malformed")
	}
	form, err := url.ParseQuery(string(body))
	if err != nil || !isText(form) {
		return nil, oauth.NewError(oauth.InvalidRequest, "the form is malformed")
	}
	return form, nil
}

// namesForm reports whether a media type of the header is that of forms. Clients send
// several, in one header or two, when one library adds its own to another's (MCP
// Inspector 0.21 does so at each refresh), and parameters that mean nothing here and
// are malformed, such as a charset without a value.
func namesForm(headers []string) bool {
	for _, header := range headers {
		for media := range strings.SplitSeq(header, ",") {
			media, _, _ = strings.Cut(media, ";")
			if strings.EqualFold(strings.TrimSpace(media), formType) {
				return true
			}
		}
	}
	return false
}

// parseQuery reads the parameters of a page's address, strictly.
func parseQuery(r *http.Request) (url.Values, error) {
	values, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil || !isText(values) {
		return nil, badRequestPage("The URL is malformed.")
	}
	return values, nil
}

// isText reports whether all values are UTF-8 without control characters. RFC 6749
// appendix A has no parameter with others; databases cannot look all of them up,
// and forms bring line breaks back altered.
func isText(values url.Values) bool {
	for _, list := range values {
		for _, v := range list {
			if !utf8.ValidString(v) || strings.ContainsFunc(v, isControl) {
				return false
			}
		}
	}
	return true
}

func isControl(c rune) bool { return c < ' ' || c == 0x7f }

// once lists the parameters that mean something to one of the endpoints and that may be
// sent once (RFC 6749 §3.1, §3.2).
var once = []string{
	"client_id", "client_secret", "client_assertion", "client_assertion_type",
	"response_type", "response_mode", "redirect_uri", "scope", "state", "code_challenge", "code_challenge_method",
	"request", "request_uri", "grant_type", "code", "code_verifier", "refresh_token", "token", "token_type_hint",
	"error", "iss",
}

// single returns the parameters that may be sent once, treating those without
// value as omitted. Parameters that are unknown here are ignored, and may be repeated;
// resource may, too (RFC 8707 §2).
func single(values url.Values) (map[string]string, error) {
	params := make(map[string]string, len(values))
	for name, list := range values {
		known := slices.Contains(once, name)
		if name == "resource" || len(list) > 1 && !known {
			continue
		}
		if len(list) > 1 {
			return nil, oauth.NewError(oauth.InvalidRequest, "the parameter "+name+" is repeated")
		}
		if len(list) == 1 && list[0] != "" {
			params[name] = list[0]
		}
	}
	return params, nil
}

// resources returns the values of the resource parameter.
func resources(values url.Values) []string {
	var list []string
	for _, v := range values["resource"] {
		if v != "" {
			list = append(list, v)
		}
	}
	return list
}
