package server

import (
	"net/http"
	"time"
)

// cookie is a cookie's name on https, whose prefix keeps other hosts of the domain or pages
// without encryption from planting it, and on plain http.
type cookie struct{ secure, plain string }

func (s *Server) named(c cookie) string {
	if s.secure() {
		return c.secure
	}
	return c.plain
}

// setCookie sets a cookie that no script reads and other sites send with links alone. A
// negative age removes it.
func (s *Server) setCookie(w http.ResponseWriter, c cookie, value, path string, age time.Duration) {
	http.SetCookie(w, &http.Cookie{ //nolint:gosec // without Secure on plain http only, which is on loopback or asked for
		Name: s.named(c), Value: value, Path: path, HttpOnly: true, Secure: s.secure(),
		SameSite: http.SameSiteLaxMode, MaxAge: int(age.Seconds()),
	})
}
