package githubtest

import (
	"crypto/rand"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
)

// User is a GitHub account.
type User struct {
	ID    int64 // 0: AddUser gives the next free one
	Login string
	Name  string
	Email string // the public one
	Orgs  []string
	Teams []string // as org/slug

	// Primary is the address that the account has first, and whether it is verified.
	Primary         string
	PrimaryVerified bool

	Suspended bool
}

// AddUser adds an account and returns it with its id. It panics when the id or the
// login, in any case, is taken.
func (s *Server) AddUser(u User) User {
	s.mu.Lock()
	defer s.mu.Unlock()
	if u.ID == 0 {
		u.ID = s.lastID + 1
	}
	if s.users[u.ID] != nil || s.byLogin(u.Login) != nil {
		panic(fmt.Sprintf("githubtest: user %d %q exists", u.ID, u.Login))
	}
	s.lastID = max(s.lastID, u.ID)
	u.Orgs = slices.Clone(u.Orgs)
	stored := u
	s.users[u.ID] = &stored
	return u
}

// RenameUser changes a login and frees the old one; the id stays.
func (s *Server) RenameUser(from, to string) {
	s.change(from, func(u *User) { u.Login = to })
}

// DeleteUser removes an account and everything it authorized; its login is free.
func (s *Server) DeleteUser(login string) {
	s.change(login, func(u *User) {
		delete(s.users, u.ID)
		s.revoke(u.ID)
		maps.DeleteFunc(s.codes, func(_ string, g *grant) bool { return g.user == u.ID })
	})
}

// SetOrgs replaces the account's memberships.
func (s *Server) SetOrgs(login string, orgs ...string) {
	s.change(login, func(u *User) { u.Orgs = slices.Clone(orgs) })
}

// SetTeams replaces the account's teams, each as org/slug.
func (s *Server) SetTeams(login string, teams ...string) {
	s.change(login, func(u *User) { u.Teams = slices.Clone(teams) })
}

// SetPrimary replaces the account's primary address.
func (s *Server) SetPrimary(login, address string, verified bool) {
	s.change(login, func(u *User) { u.Primary, u.PrimaryVerified = address, verified })
}

// Suspend suspends the account, or ends its suspension.
func (s *Server) Suspend(login string, suspended bool) {
	s.change(login, func(u *User) { u.Suspended = suspended })
}

// RevokeTokens does what the person can do in the account's settings: it ends all
// tokens that the app has for it.
func (s *Server) RevokeTokens(login string) {
	s.change(login, func(u *User) { s.revoke(u.ID) })
}

// SignInAs says who is signed in at GitHub in the browser, or no one with "".
func (s *Server) SignInAs(login string) {
	if login == "" {
		s.locked(func() { s.browser = 0 })
		return
	}
	s.change(login, func(u *User) { s.browser = u.ID })
}

// SessionCookie returns a cookie that signs one browser in, for tests in which
// several people sign in concurrently. Put it into that browser's jar under URL.
func (s *Server) SessionCookie(login string) *http.Cookie {
	value := random(32)
	s.change(login, func(u *User) { s.sessions[value] = u.ID })
	return &http.Cookie{Name: sessionCookie, Value: value, Path: "/"}
}

const sessionCookie = "user_session"

// change calls f under the lock; it panics when the test names someone unknown.
func (s *Server) change(login string, f func(*User)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	u := s.byLogin(login)
	if u == nil {
		panic(fmt.Sprintf("githubtest: no user %q", login))
	}
	f(u)
}

func (s *Server) byLogin(login string) *User {
	for _, u := range s.users {
		if strings.EqualFold(u.Login, login) {
			return u
		}
	}
	return nil
}

// signedIn is who the browser belongs to, or nil.
func (s *Server) signedIn(r *http.Request) *User {
	if c, err := r.Cookie(sessionCookie); err == nil {
		return s.users[s.sessions[c.Value]]
	}
	return s.users[s.browser]
}

// random returns n characters that cannot be guessed; n is at most 52.
func random(n int) string { return (rand.Text() + rand.Text())[:n] }
