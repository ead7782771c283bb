package server

import (
	"errors"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/mcpkeep/mcpkeep/internal/oauth"
)

// maxBody bounds every request body but that of the MCP endpoint.
const maxBody = 64 << 10

// parseForm reads an application/x-www-form-urlencoded body, strictly.
func parseForm(r *http.Request) (url.Values, error) {
	media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || media != "application/x-www-form-urlencoded" {
		return nil, oauth.NewError(oauth.InvalidRequest, "the content type must be application/x-www-form-urlencoded")
	}
	if err := r.ParseForm(); err != nil {
		var tooLarge *http.MaxBytesError
		if errors.As(err, &tooLarge) {
			return nil, errBodyTooLarge
		}
		return nil, oauth.NewError(oauth.InvalidRequest, "the form is malformed")
	}
	if !isText(r.PostForm) {
		return nil, oauth.NewError(oauth.InvalidRequest, "the form is malformed")
	}
	return r.PostForm, nil
}

// parseQuery reads the parameters of a page's address, strictly.
func parseQuery(r *http.Request) (url.Values, error) {
	values, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil || !isText(values) {
		return nil, badRequestPage("The address is malformed.")
	}
	return values, nil
}

// isText says whether all values are UTF-8 without control characters. RFC 6749
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

// single returns the parameters that may be sent once, treating those without
// value as omitted (RFC 6749 §3.1, §3.2). resource may be repeated (RFC 8707 §2).
func single(values url.Values) (map[string]string, error) {
	params := make(map[string]string, len(values))
	for name, list := range values {
		if name == "resource" {
			continue
		}
		if len(list) > 1 {
			return nil, oauth.NewError(oauth.InvalidRequest, "a parameter is repeated")
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
