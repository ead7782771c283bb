package server

import (
	"net/http"
	"net/url"
	"strings"
)

// entry is the sign-in of the pages, as it is shown.
type entry struct {
	status  int
	problem string
	next    string // where it leads; "" to the user's own connections
	again   bool   // the user has to authenticate again
}

// maxNext is how long the address may be that a sign-in leads to: it travels in a cookie.
const maxNext = 1500

// nextAfter is the page of a request, for after the sign-in.
func nextAfter(r *http.Request) string {
	if next := r.URL.RequestURI(); len(next) <= maxNext {
		return next
	}
	return r.URL.Path
}

// subject is what the CSRF token of the form is about.
func (e entry) subject() string {
	if e.next == "" {
		return pageSignInPath
	}
	return pageSignInPath + "?" + url.Values{"next": {e.next}}.Encode()
}

// afterSignIn is where a sign-in leads: to one of the pages for administrators, or to the
// user's own connections.
func afterSignIn(next string) string {
	u, err := url.Parse(next)
	if err != nil || len(next) > maxNext || u.IsAbs() || u.Host != "" || u.User != nil || u.Path != adminPath && !strings.HasPrefix(u.Path, adminPath+"/") {
		return connectionsPath
	}
	return (&url.URL{Path: u.Path, RawQuery: u.Query().Encode()}).String()
}
