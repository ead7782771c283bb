package server

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"

	"github.com/mcpkeep/mcpkeep/internal/logging"
	"github.com/mcpkeep/mcpkeep/internal/oauth"
)

// name is one of the origins at which the server is reached. They are a closed list from
// the configuration: a request chooses one and adds none.
type name struct {
	origin    string
	resources oauth.Resources // as in Server.resources, at this origin
	metadata  [][]byte        // of each resource
}

// addNames adds the base URL and the further names.
func (s *Server) addNames() error {
	s.byHost = map[string]*name{}
	for _, origin := range append([]string{s.BaseURL}, s.Names...) {
		canonical, ok := oauth.Origin(origin)
		if !ok || canonical != origin {
			return fmt.Errorf("the name %q must be an origin in its canonical form", origin)
		}
		resources, err := s.protectedResources(origin)
		if err != nil {
			return err
		}
		n := &name{origin: origin, resources: resources}
		scheme, host, _ := strings.Cut(origin, "://")
		if s.byHost[host] != nil {
			return errors.New("two names with the host " + host)
		}
		s.names, s.byHost[host] = append(s.names, n), n
		if port := map[string]string{"https": ":443", "http": ":80"}[scheme]; withoutPort(host) {
			s.byHost[host+port] = n // some clients send it
		}
	}
	return nil
}

func withoutPort(host string) bool {
	_, _, err := net.SplitHostPort(host)
	return err != nil
}

// find returns the name that a Host value means, nil for none.
func (s *Server) find(host string) *name {
	if n := s.byHost[host]; n != nil {
		return n
	}
	if canonical, ok := oauth.Authority(host); ok && s.byHost[canonical] != nil {
		return s.byHost[canonical]
	}
	if isLoopbackHost(host) && (s.Loopback || oauth.Loopback(s.BaseURL) && s.isForwarded(host)) {
		return s.names[0]
	}
	return nil
}

// isForwarded reports whether a Host value has another port than this server: then
// something on this machine, such as an SSH tunnel, passes the request on.
func (s *Server) isForwarded(host string) bool {
	_, port, _ := net.SplitHostPort(host)
	return port != s.base.Port()
}

// nameOf returns the name that a request uses, behind checkHost.
func (s *Server) nameOf(r *http.Request) *name { return cmp.Or(s.find(r.Host), s.names[0]) }

// isLoopbackHost reports whether a Host value (host or host:port) names this machine.
func isLoopbackHost(hostport string) bool {
	host, _, err := net.SplitHostPort(hostport)
	if err != nil {
		host = strings.Trim(hostport, "[]")
	}
	return host == "localhost" || host == "127.0.0.1" || host == "::1"
}

// canonical is the URL of a resource under its first name: names are interchangeable,
// paths are not. Any other URL stays as it is.
func (s *Server) canonical(uri string) string {
	u, err := url.Parse(uri)
	if err != nil || len(s.names) == 1 || strings.Contains(uri, "#") || u.Host == "" || u.User != nil {
		return uri
	}
	origin, ok := oauth.Origin(u.Scheme + "://" + u.Host)
	if !ok {
		return uri
	}
	for _, n := range s.names[1:] {
		if n.origin == origin {
			u.Scheme, u.Host = s.base.Scheme, s.base.Host
			return u.String()
		}
	}
	return uri
}

func (s *Server) allCanonical(uris []string) []string {
	list := make([]string, 0, len(uris))
	for _, uri := range uris {
		list = append(list, s.canonical(uri))
	}
	return list
}

// atIssuer serves a page under the issuer's name only, where its cookies are: at another
// name it leads there.
func (s *Server) atIssuer(h handler) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		if s.nameOf(r) == s.names[0] {
			return h(w, r)
		}
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			return &pageError{
				status: http.StatusBadRequest, title: "This is not the address of this page", code: oauth.InvalidRequest,
				message: "You sign in to this server at " + s.BaseURL + " only. Access was not granted.",
				hint:    "Go back to your app and connect again.",
			}
		}
		target := s.BaseURL + r.URL.EscapedPath()
		if r.URL.RawQuery != "" {
			target += "?" + r.URL.RawQuery
		}
		leadTo(w, target, http.StatusFound)
		return nil
	}
}

// checkHost refuses requests for other hosts, against DNS rebinding, and says where the
// server is. What was asked for goes to the log alone.
func (s *Server) checkHost(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.find(r.Host) != nil {
			next.ServeHTTP(w, r)
			return
		}
		var expected []string
		for _, n := range s.names {
			expected = append(expected, n.origin)
		}
		s.Logger.WarnContext(r.Context(), "host refused", logging.Event, "host_refused",
			"host", bounded(r.Host), "expected", strings.Join(expected, " "), "setting", "MCPKEEP_BASE_URL")
		s.refuseHost(w, r)
	})
}

func (s *Server) refuseHost(w http.ResponseWriter, r *http.Request) {
	address := s.resources[0].URI
	if !wantsHTML(r) {
		writeJSON(w, http.StatusForbidden, oauth.NewError(oauth.UnknownHost, "this host name is not served; this server is at "+address))
		return
	}
	s.showProblem(w, r, &pageError{
		status: http.StatusForbidden, title: "This is not the address of this server",
		message: "This server does not answer at the address in your browser or app.",
		hint:    "Use " + address + " instead. If you run this server and this address is right, too, add it to MCPKEEP_BASE_URL.",
	})
}

// maxLogged bounds what a request may bring into the log.
const maxLogged = 256

func bounded(value string) string {
	if len(value) > maxLogged {
		return value[:maxLogged] + "…"
	}
	return value
}

// leadTo sends the browser to a page of this server, without a page of its own.
func leadTo(w http.ResponseWriter, target string, status int) {
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Referrer-Policy", "no-referrer")
	w.Header().Set("Location", target)
	w.WriteHeader(status)
}
