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
	mux.HandleFunc("GET /user/orgs", s.authenticated(s.orgs))
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

// orgs is one page of the list, with links to the others as long as there are any.
func (s *Server) orgs(w http.ResponseWriter, r *http.Request, t *token) {
	if !strings.HasPrefix(t.access, "ghu_") && !slices.ContainsFunc(t.scopes, listsOrgs) {
		writeError(w, http.StatusForbidden, "You need at least read:org scope or user scope to list your organizations.")
		return
	}
	size := min(s.orgPageSize, number(r, "per_page", 30, 100))
	all := s.users[t.user].Orgs
	last := max(1, (len(all)+size-1)/size)
	page := number(r, "page", 1, last+1)
	list := []map[string]any{}
	for _, login := range all[min((page-1)*size, len(all)):min(page*size, len(all))] {
		list = append(list, map[string]any{"login": login, "url": s.APIURL + "/orgs/" + login, "description": nil})
	}
	if page < last {
		link := func(n int, rel string) string {
			return fmt.Sprintf(`<%s/user/orgs?per_page=%d&page=%d>; rel=%q`, s.APIURL, size, n, rel)
		}
		w.Header().Set("Link", link(page+1, "next")+", "+link(last, "last"))
	}
	writeJSON(w, http.StatusOK, list)
}

func listsOrgs(scope string) bool {
	return slices.Contains([]string{"user", "read:org", "write:org", "admin:org"}, scope)
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
