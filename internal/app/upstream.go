package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"

	"github.com/mcpkeep/mcpkeep/internal/gateway"
	"github.com/mcpkeep/mcpkeep/internal/identity"
	"github.com/mcpkeep/mcpkeep/internal/oauth"
	"github.com/mcpkeep/mcpkeep/internal/principal"
	"github.com/mcpkeep/mcpkeep/internal/server"
	"github.com/mcpkeep/mcpkeep/internal/setting"
	"github.com/mcpkeep/mcpkeep/internal/upstreams"
)

// ToolsPath is where the built-in tools are with upstreams.
const ToolsPath = "/mcpkeep/mcp"

// behind is an upstream and its entry in the configuration.
type behind struct {
	entry    upstreams.Upstream
	upstream upstream
	entryFor *identity.Policy // who may enter; nil for everyone who may sign in
}

// upstream is an MCP server behind this one.
type upstream interface {
	http.Handler
	Health() gateway.Health
	// Vouch sets the headers that tell it who calls.
	Vouch(ctx context.Context, h http.Header, p principal.Principal) error
	Close() // ends what it has running
	End()   // ends all its requests, since it is no longer configured
}

// ReadUpstreams reads a configuration file.
func ReadUpstreams(path string) (upstreams.File, error) {
	return upstreams.Read(path, upstreams.Options{Reserved: append(server.ReservedNames(), "mcp", "mcpkeep"), Variable: os.LookupEnv})
}

// openUpstream returns an upstream for an entry.
func (a *App) openUpstream(entry upstreams.Upstream) (behind, error) {
	policy, err := a.checked.settings.entryPolicy(entry.Allow)
	if err != nil {
		return behind{}, err
	}
	if entry.Command != nil {
		upstream, err := a.openCommand(entry)
		return behind{entry: entry, upstream: upstream, entryFor: policy}, err
	}
	rules, err := a.checked.settings.rulePolicy(entry.Rules)
	if err != nil {
		return behind{}, err
	}
	target := entry.Target
	target.CA = entry.CA
	upstream, err := gateway.New(gateway.Config{
		Name: entry.Name, Target: target, Identify: entry.Identify, Assert: a.assert(entry), Connect: entry.Connect, Answer: entry.Answer, Idle: entry.Idle,
		MaxBody: entry.MaxBody, MaxConcurrent: entry.MaxConcurrent, Headers: entry.Headers, ForwardHeaders: entry.ForwardHeaders,
		Sessions: a.keys, Logger: a.log, Called: a.called, Rules: rules, Challenge: challenge(entry.Scopes), Lend: a.lend(entry),
	})
	return behind{entry: entry, upstream: upstream, entryFor: policy}, err
}

// resource is the endpoint of an upstream.
func (b behind) resource() server.Resource {
	r := server.Resource{
		Path: b.entry.Path(), Title: b.entry.Title, Watched: true, MaxBody: int64(b.entry.MaxBody), Entry: b.entryFor, Handler: b.upstream,
		Front: b.front(), Lends: b.entry.ProviderToken.Header != "",
	}
	r.Offered = offered(b.entry.Scopes)
	return r
}

var errNoAddress = errors.New("it is a command, which has no address of its own: send its calls through mcpkeep")

var errRulesNeedBody = errors.New("its rules are about the body of each request, which a proxy does not show: send its calls through mcpkeep")

var errTokenNeedsProxy = errors.New("it gets the sign-in provider's token, which is renewed when it refuses it: send its calls through mcpkeep")

// front is what a proxy that sends calls to the upstream by itself can ask about it.
func (b behind) front() *server.Front {
	f := &server.Front{Upstream: b.entry.Name, Identify: b.upstream.Vouch}
	switch {
	case b.entry.Command != nil:
		f.Unfit = errNoAddress
	case b.entry.Rules.NeedsBody():
		f.Unfit = errRulesNeedBody
	case b.entry.ProviderToken.Header != "":
		f.Unfit = errTokenNeedsProxy
	}
	return f
}

// serverFor is the whole surface with some upstreams, or with mcpkeep's own tools alone.
func (a *App) serverFor(list []behind) (*server.Server, error) {
	if len(list) == 0 {
		return a.newServer(nil, server.Resource{Path: oauth.DefaultPath, Handler: a.tools()})
	}
	var resources []server.Resource
	for _, b := range list {
		r := b.resource()
		var err error
		if r.Handler, err = a.guarded(b); err != nil {
			return nil, err
		}
		resources = append(resources, r)
	}
	slices.SortStableFunc(resources, func(x, y server.Resource) int { // pages name the first one
		return strings.Compare(strings.TrimPrefix(x.Path, oauth.DefaultPath), strings.TrimPrefix(y.Path, oauth.DefaultPath))
	})
	resources = append(resources, server.Resource{Path: ToolsPath, Handler: a.tools()})
	return a.newServer(func() any {
		health := map[string]gateway.Health{}
		for _, b := range list {
			health[b.entry.Name] = b.upstream.Health()
		}
		return health
	}, resources...)
}

func (a *App) upstreams() []behind {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.behind)
}

// Endpoints are the URLs that people paste into their clients.
func (a *App) Endpoints() []string {
	list := a.upstreams()
	if len(list) == 0 {
		return []string{a.checked.BaseURL + oauth.DefaultPath}
	}
	urls := make([]string, 0, len(list))
	for _, b := range list {
		urls = append(urls, a.checked.BaseURL+b.entry.Path())
	}
	return urls
}

// changeUpstreams makes these the upstreams, and returns the server that is in front of
// them. One whose entry is as before stays, with its streams; the requests of others end.
// After an error nothing has changed.
func (a *App) changeUpstreams(entries []upstreams.Upstream) (*server.Server, error) {
	a.reloading.Lock()
	defer a.reloading.Unlock()
	before := a.upstreams()
	var list []behind
	for _, entry := range entries {
		b, err := a.openUpstream(entry)
		if i := slices.IndexFunc(before, func(b behind) bool { return b.entry.Equal(entry) }); i >= 0 && err == nil {
			b = before[i]
		}
		if err != nil {
			return nil, err
		}
		list = append(list, b)
	}
	srv, err := a.serverFor(list)
	if err != nil {
		return nil, err
	}
	a.keep(srv)
	handler := srv.Handler()
	a.front.Store(&handler)
	a.mu.Lock()
	a.behind = list
	a.mu.Unlock()
	for _, b := range before {
		if !slices.ContainsFunc(list, func(now behind) bool { return now.upstream == b.upstream }) {
			b.upstream.End()
		}
	}
	return srv, nil
}

var errRestart = errors.New("the sign-in provider has to be asked for more than at the start; restart the server")

// Reload makes these the upstreams. After an error nothing has changed.
func (a *App) Reload(entries []upstreams.Upstream) error {
	s := a.checked.settings
	s.entries = nil
	if err := s.admitTo(entries); err != nil {
		return err
	}
	for _, needs := range []func(identity.Policy) bool{
		identity.Policy.NeedsOrgs, identity.Policy.NeedsTeams, identity.Policy.NeedsGroups, identity.Policy.NeedsEmail,
	} {
		if s.anyNeeds(needs) && !a.checked.settings.anyNeeds(needs) {
			return errRestart
		}
	}
	_, err := a.changeUpstreams(entries)
	return err
}

// admitTo takes in who may enter the upstreams and whom their rules name.
func (s *Settings) admitTo(entries []upstreams.Upstream) error {
	for _, entry := range entries {
		if err := s.checkLending(entry); err != nil {
			return err
		}
		lists := []upstreams.Allow{entry.Allow}
		for _, rule := range entry.Rules {
			lists = append(lists, rule.Allow)
		}
		for _, allow := range lists {
			policy, err := s.entryPolicy(allow)
			if err != nil {
				return err
			}
			if policy != nil {
				s.entries = append(s.entries, *policy)
			}
		}
	}
	return nil
}

// entryPolicy says whom the lists of an upstream or a rule name; nil for everyone who may
// sign in. The groups of GitHub are its organizations and teams.
func (s Settings) entryPolicy(allow upstreams.Allow) (*identity.Policy, error) {
	if allow.Empty() {
		return nil, nil //nolint:nilnil // no policy is no error
	}
	p := &identity.Policy{Users: allow.Users, Domains: allow.Domains, Groups: allow.Groups}
	kind := cmp.Or(setting.Trim(s.Provider.Kind), Local)
	switch {
	case kind == GitHub:
		p.Orgs, p.Groups = allow.Groups, nil
	case len(allow.Groups) > 0 && kind != OIDC:
		return nil, allow.Errorf("users or domains", "the sign-in provider %s does not report groups", kind)
	}
	err := errors.Join(identity.CheckUsers(kind, p.Users), identity.CheckDomains(p.Domains), identity.CheckOrgs(p.Orgs), identity.CheckGroups(p.Groups), p.Validate())
	if err != nil {
		return nil, allow.Errorf(fmt.Sprintf("%s, domains such as example.com, or groups", people), "an entry of allow that can match no one")
	}
	return p, nil
}

// anyNeeds reports whether who may sign in, or may enter an upstream, depends on a fact.
func (s Settings) anyNeeds(fact func(identity.Policy) bool) bool {
	return fact(s.policy()) || slices.ContainsFunc(s.entries, fact)
}
