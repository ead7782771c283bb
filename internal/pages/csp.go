package pages

import (
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// formActionPattern is the part of CSP's source grammar that the pages use: an
// origin or a scheme. It has no room for the characters that end a source or a
// directive (CSP level 3 section 2.3.1).
var formActionPattern = regexp.MustCompile(
	`^(?:https?://[a-z0-9_](?:[a-z0-9._-]*[a-z0-9_.])?(?::[0-9]{1,5})?|[a-z][a-z0-9+.-]*:)$`)

// webSchemes are schemes with a meaning of their own in a browser: none can
// belong to an app that waits for an answer.
var webSchemes = []string{
	"about", "blob", "chrome", "data", "file", "filesystem", "ftp", "intent", "jar",
	"javascript", "mailto", "resource", "sms", "tel", "vbscript", "view-source", "ws", "wss",
}

// FormActionSource returns the form-action source that lets a form's answer be
// redirected to redirectURI: its origin for http and https, "scheme:" for a
// private-use scheme. CSP cannot express an IPv6 literal, so that one is given
// by its scheme as well. It returns "" for a URI that no client may use; the
// result never holds a character that could end the directive.
func FormActionSource(redirectURI string) string {
	u, err := url.Parse(redirectURI)
	if err != nil || u.Scheme == "" {
		return ""
	}
	source := u.Scheme + ":"
	if isHTTP(u) {
		host := asciiHost(u)
		if host == "" {
			return ""
		}
		if !strings.HasPrefix(host, "[") {
			source += "//" + host
		}
	}
	if !allowedSource(source) {
		return ""
	}
	return source
}

func allowedSource(source string) bool {
	scheme, _, _ := strings.Cut(source, ":")
	return formActionPattern.MatchString(source) && !slices.Contains(webSchemes, scheme)
}

// policy returns the Content-Security-Policy of a page whose form may lead to
// the given sources.
func policy(server Server, formActions []string) string {
	var b strings.Builder
	b.WriteString("default-src 'none'; style-src '" + server.Theme.orUsual().hash + "'")
	if server.Logo != "" {
		b.WriteString("; img-src 'self'")
	}
	b.WriteString("; form-action 'self'")
	seen := map[string]bool{}
	for _, source := range formActions {
		if seen[source] || !allowedSource(source) {
			continue
		}
		seen[source] = true
		b.WriteString(" " + source)
	}
	b.WriteString("; frame-ancestors 'none'; base-uri 'none'")
	return b.String()
}

// setHeaders sets what every page is sent with. Headers that the caller has
// set, such as Retry-After and Set-Cookie, stay.
func setHeaders(h http.Header, doc document) {
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", policy(doc.Server, doc.Form.FormActions))
	h.Set("X-Frame-Options", "DENY")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Permissions-Policy", "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()")
}
