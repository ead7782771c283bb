package githubtest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

const apiVersion = "2022-11-28"

func (s *Server) siteRoutes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /login/oauth/authorize", s.authorize)
	mux.HandleFunc("POST /login/oauth/access_token", s.accessToken)
	return mux
}

func (s *Server) apiRoutes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /user", s.authenticated(s.user))
	mux.HandleFunc("DELETE /applications/{client_id}/token", s.deleteToken)
	mux.HandleFunc("GET /user/orgs", s.authenticated(s.orgs))
	mux.HandleFunc("GET /user/teams", s.authenticated(s.teams))
	mux.HandleFunc("GET /user/emails", s.authenticated(s.emails))
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		writeError(w, http.StatusNotFound, "Not Found")
	})
	return mux
}

// authenticated makes the checks that every API request goes through and calls the
// handler under the lock.
func (s *Server) authenticated(next func(http.ResponseWriter, *http.Request, *token)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		defer s.mu.Unlock()
		version := r.Header.Get("X-GitHub-Api-Version")
		switch t := s.tokenOf(r); {
		case r.UserAgent() == "":
			writeError(w, http.StatusForbidden, "Request forbidden by administrative rules. Please make sure your request has a User-Agent header.")
		case version != "" && version != apiVersion:
			writeError(w, http.StatusBadRequest, "The API version specified in the X-GitHub-Api-Version header is not supported.")
		case r.Header.Get("Authorization") == "":
			writeError(w, http.StatusUnauthorized, "Requires authentication")
		case t == nil:
			writeError(w, http.StatusUnauthorized, "Bad credentials")
		case s.users[t.user].Suspended:
			writeError(w, http.StatusForbidden, "Sorry. Your account was suspended.")
		default:
			w.Header().Set("X-OAuth-Scopes", strings.Join(t.scopes, ", "))
			w.Header().Set("X-RateLimit-Limit", "5000")
			w.Header().Set("X-RateLimit-Remaining", "4999")
			next(w, r, t)
		}
	}
}

func (s *Server) tokenOf(r *http.Request) *token {
	scheme, value, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") && !strings.EqualFold(scheme, "token") {
		return nil
	}
	for _, t := range s.tokens {
		if t.access == value && (t.expires.IsZero() || s.now().Before(t.expires)) {
			return t
		}
	}
	return nil
}

func (s *Server) user(w http.ResponseWriter, _ *http.Request, t *token) {
	u := s.users[t.user]
	writeJSON(w, http.StatusOK, map[string]any{
		"id": u.ID, "login": u.Login, "name": orNull(u.Name), "email": orNull(u.Email), "type": "User",
		"site_admin": false, "url": s.APIURL + "/users/" + u.Login, "html_url": s.URL + "/" + u.Login,
	})
}

// orgs lists the account's organizations.
func (s *Server) orgs(w http.ResponseWriter, r *http.Request, t *token) {
	list := []map[string]any{}
	for _, login := range s.users[t.user].Orgs {
		list = append(list, map[string]any{"login": login, "url": s.APIURL + "/orgs/" + login, "description": nil})
	}
	s.page(w, r, t, list, "read:org", "write:org", "admin:org", "user")
}

// teams lists the account's teams in all organizations.
func (s *Server) teams(w http.ResponseWriter, r *http.Request, t *token) {
	list := []map[string]any{}
	for _, team := range s.users[t.user].Teams {
		org, slug, _ := strings.Cut(team, "/")
		list = append(list, map[string]any{
			"name": strings.ToUpper(slug), "slug": slug, "permission": "pull", "organization": map[string]any{"login": org},
		})
	}
	s.page(w, r, t, list, "read:org", "write:org", "admin:org", "user", "repo")
}

// emails lists the account's addresses: GitHub's own first, which is verified and
// not the primary one.
func (s *Server) emails(w http.ResponseWriter, r *http.Request, t *token) {
	u := s.users[t.user]
	list := []map[string]any{{
		"email": strconv.FormatInt(u.ID, 10) + "+" + u.Login + "@users.noreply.github.com", "verified": true, "primary": false, "visibility": nil,
	}}
	if u.Primary != "" {
		list = append(list, map[string]any{"email": u.Primary, "verified": u.PrimaryVerified, "primary": true, "visibility": "private"})
	}
	s.page(w, r, t, list, "user:email", "user")
}

// page is one page of a list for which one of the scopes is needed, with links to the
// others as long as there are any.
func (s *Server) page(w http.ResponseWriter, r *http.Request, t *token, all []map[string]any, scopes ...string) {
	if !strings.HasPrefix(t.access, "ghu_") && !slices.ContainsFunc(t.scopes, func(sc string) bool { return slices.Contains(scopes, sc) }) {
		if scopes[0] == "user:email" {
			writeError(w, http.StatusNotFound, "Not Found")
			return
		}
		writeError(w, http.StatusForbidden, "You need at least "+scopes[0]+" scope or user scope.")
		return
	}
	size := min(s.orgPageSize, number(r, "per_page", 30, 100))
	last := max(1, (len(all)+size-1)/size)
	page := number(r, "page", 1, last+1)
	list := all[min((page-1)*size, len(all)):min(page*size, len(all))]
	if page < last {
		link := func(n int, rel string) string {
			return fmt.Sprintf(`<%s%s?per_page=%d&page=%d>; rel=%q`, s.APIURL, r.URL.Path, size, n, rel)
		}
		w.Header().Set("Link", link(page+1, "next")+", "+link(last, "last"))
	}
	writeJSON(w, http.StatusOK, list)
}

func number(r *http.Request, name string, missing, most int) int {
	n, err := strconv.Atoi(r.URL.Query().Get(name))
	if err != nil || n < 1 {
		n = missing
	}
	return min(n, most)
}

func orNull(s string) any {
	if s == "" {
		return nil
	}
	return s
}

func writeError(w http.ResponseWriter, status int, message string) {
	writeJSON(w, status, map[string]any{
		"message": message, "documentation_url": "https://docs.github.com/rest", "status": strconv.Itoa(status),
	})
}

func writeJSON(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}

// deleteToken ends one token. The app authenticates with its id and secret.
func (s *Server) deleteToken(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var body struct {
		AccessToken string `json:"access_token"`
	}
	id, secret, _ := r.BasicAuth()
	if id != s.ClientID || secret != s.ClientSecret || r.PathValue("client_id") != s.ClientID {
		writeError(w, http.StatusNotFound, "Not Found")
		return
	}
	if json.NewDecoder(r.Body).Decode(&body) != nil || body.AccessToken == "" {
		writeError(w, http.StatusUnprocessableEntity, "Validation Failed")
		return
	}
	before := len(s.tokens)
	s.tokens = slices.DeleteFunc(s.tokens, func(t *token) bool {
		return t.access == body.AccessToken && (t.expires.IsZero() || s.now().Before(t.expires))
	})
	if len(s.tokens) == before {
		writeError(w, http.StatusNotFound, "Not Found")
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// Tokens is how many tokens of the user are good, or can be renewed.
func (s *Server) Tokens(login string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n, u := 0, s.byLogin(login)
	for _, t := range s.tokens {
		if u != nil && t.user == u.ID {
			n++
		}
	}
	return n
}
