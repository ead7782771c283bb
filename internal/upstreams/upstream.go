package upstreams

import (
	"crypto/x509"
	"net/http"
	"reflect"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/gateway"
)

// File is what a configuration file says.
type File struct {
	Upstreams []Upstream // those that are not disabled, in their order
	Warnings  []Warning
}

// Upstream is an entry of mcpServers.
type Upstream struct {
	Name           string
	Title          string         // "" for the server's name
	Target         gateway.Target // without a URL if there is a command
	Command        *Command       // nil for a server with a URL
	Headers        http.Header    // sent with each request
	ForwardHeaders []string       // headers of clients that cross as well, in canonical form
	CA             *x509.CertPool // nil for the system's
	Identify       bool           // tell the upstream who calls, in headers
	Assert         bool           // and in a signed assertion
	Audience       string         // of the assertion
	ProviderToken  ProviderToken  // where it gets the sign-in provider's token of that user
	Scopes         []Scope        // that clients can ask for, besides the basic one
	Allow          Allow
	Rules          Rules
	Connect        time.Duration // limit for connecting
	Answer         time.Duration // limit until a response begins; 0 for none
	Idle           time.Duration // limit for silence within a response; 0 for none
	MaxBody        int           // bytes of a request
	MaxConcurrent  int           // calls of one person at the same time
}

// Scope is one that an upstream gives a meaning to.
type Scope struct {
	Name        string
	Description string // for the consent page
}

// Allow says who may enter an upstream, of those who may sign in: everyone on one of the
// lists, and everyone if all are empty.
type Allow struct {
	Groups, Users, Domains []string

	file string
	at   position
}

// Empty reports whether everyone may enter.
func (a Allow) Empty() bool { return len(a.Groups)+len(a.Users)+len(a.Domains) == 0 }

// anywhere are the lists without their place in a file.
func (a Allow) anywhere() Allow {
	a.file, a.at = "", position{}
	return a
}

// Errorf returns an error about these lists.
func (a Allow) Errorf(want, format string, args ...any) error {
	return a.at.errorf(a.file, want, format, args...)
}

// Limits that a file may change.
const (
	Connect       = 5 * time.Second
	Answer        = 10 * time.Minute
	MaxBody       = 4 << 20
	MaxConcurrent = 32
)

// DefaultName is that of the upstream at /mcp.
const DefaultName = "default"

// At returns the upstream that --upstream names: one without a file.
func At(target gateway.Target) Upstream {
	u := withDefaults(DefaultName)
	u.Target, u.Identify, u.Assert, u.Audience = target, target.Near(), target.Near(), target.Configured
	return u
}

func withDefaults(name string) Upstream {
	return Upstream{Name: name, Connect: Connect, Answer: Answer, MaxBody: MaxBody, MaxConcurrent: MaxConcurrent}
}

// Path is where clients reach the upstream.
func (u Upstream) Path() string {
	if u.Name == DefaultName {
		return "/mcp"
	}
	return "/" + u.Name + "/mcp"
}

// Where says what the upstream is, without arguments, which may be secret.
func (u Upstream) Where() string {
	switch {
	case u.Command == nil:
		return u.Target.String()
	case u.Command.Unnamed:
		return "a command"
	}
	return "the command " + u.Command.Path
}

// Equal reports whether two entries mean the same, wherever they are in their files.
func (u Upstream) Equal(other Upstream) bool {
	if !u.CA.Equal(other.CA) {
		return false
	}
	u.CA, other.CA = nil, nil
	u.Target.Shown, other.Target.Shown = "", ""
	u.Allow, other.Allow = u.Allow.anywhere(), other.Allow.anywhere()
	u.ProviderToken, other.ProviderToken = u.ProviderToken.anywhere(), other.ProviderToken.anywhere()
	u.Rules, other.Rules = u.Rules.anywhere(), other.Rules.anywhere()
	return reflect.DeepEqual(u, other)
}
