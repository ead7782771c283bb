package identity

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

const (
	githubAPIVersion = "2022-11-28" // known to github.com and to GitHub Enterprise Server 3.9 and later
	perPage          = "100"        // GitHub's maximum
	maxPages         = 20
)

// person asks who the token belongs to and, where they decide, for the e-mail
// address, the organisations and the teams.
func (g *GitHub) person(ctx context.Context, t Token) (Person, error) {
	var user struct {
		ID    int64  `json:"id"`
		Login string `json:"login"`
		Name  string `json:"name"`
		Email string `json:"email"`
	}
	header, err := g.get(ctx, t, g.api.JoinPath("user"), &user)
	if err != nil {
		return Person{}, err
	}
	if user.ID <= 0 || user.Login == "" {
		return Person{}, unavailable("GitHub's answer names no account; is the API URL right?", nil)
	}
	p := Person{
		Issuer: g.issuer, Subject: strconv.FormatInt(user.ID, 10),
		Login: user.Login, Name: user.Name, Email: user.Email,
	}
	return g.complete(ctx, t, header, p)
}

// complete adds what the policy wants to know beside the account. A permission that the
// token lacks is no error: the lists may have been made longer since the sign-in, and
// whom they name otherwise has to stay.
func (g *GitHub) complete(ctx context.Context, t Token, header http.Header, p Person) (Person, error) {
	switch {
	case !g.asks.emails:
	case !scopeGranted(header, t.AccessToken, "user:email", "user"):
		p.Withheld = missingScope("user:email", "verified e-mail address")
	default:
		if err := g.verifiedEmail(ctx, t, &p); err != nil {
			return Person{}, err
		}
	}
	switch {
	case !g.asks.orgs && !g.asks.teams:
	case !scopeGranted(header, t.AccessToken, "read:org", "write:org", "admin:org"):
		p.Withheld = missingScope("read:org", "organisations")
	default:
		var err error
		if p.Orgs, err = g.memberships(ctx, t); err != nil {
			return Person{}, err
		}
	}
	return p, nil
}

func missingScope(scope, what string) string {
	return "GitHub did not grant this server the permission " + scope + ", without which it cannot see the account's " +
		what + "; please sign in again and grant it"
}

// scopeGranted looks at the scopes that GitHub says the token has. Without the
// right one GitHub lists public memberships at most, which would look like a
// person who left. A GitHub App's user token (ghu_) has permissions, no scopes.
func scopeGranted(h http.Header, accessToken string, anyOf ...string) bool {
	if strings.HasPrefix(accessToken, "ghu_") || len(h.Values("X-OAuth-Scopes")) == 0 {
		return true
	}
	for scope := range strings.SplitSeq(strings.Join(h.Values("X-OAuth-Scopes"), ","), ",") {
		if slices.Contains(anyOf, strings.TrimSpace(scope)) {
			return true
		}
	}
	return false
}

// verifiedEmail replaces the public profile's address by the account's primary one
// where GitHub says that it is verified.
func (g *GitHub) verifiedEmail(ctx context.Context, t Token, p *Person) error {
	type address struct {
		Email    string `json:"email"`
		Primary  bool   `json:"primary"`
		Verified bool   `json:"verified"`
	}
	addresses, err := pagesOf[address](ctx, g, t, "user/emails")
	if err != nil {
		return err
	}
	for _, a := range addresses {
		if a.Primary && a.Verified {
			p.Email, p.EmailVerified = a.Email, true
		}
	}
	return nil
}

// memberships are the organisations, and the teams as org/team, as far as they are
// asked for.
func (g *GitHub) memberships(ctx context.Context, t Token) ([]string, error) {
	type organisation struct {
		Login string `json:"login"`
	}
	var names []string
	if g.asks.orgs {
		orgs, err := pagesOf[organisation](ctx, g, t, "user/orgs")
		if err != nil {
			return nil, err
		}
		for _, o := range orgs {
			names = append(names, o.Login)
		}
	}
	if !g.asks.teams {
		return names, nil
	}
	teams, err := pagesOf[struct {
		Slug         string       `json:"slug"`
		Organisation organisation `json:"organization"`
	}](ctx, g, t, "user/teams")
	for _, team := range teams {
		names = append(names, team.Organisation.Login+"/"+team.Slug)
	}
	return names, err
}

// pagesOf follows the pages of a list to its end.
func pagesOf[T any](ctx context.Context, g *GitHub, t Token, path string) ([]T, error) {
	page := g.api.JoinPath(path)
	page.RawQuery = url.Values{"per_page": {perPage}}.Encode()
	var all []T
	for range maxPages {
		var some []T
		header, err := g.get(ctx, t, page, &some)
		if err != nil {
			return nil, err
		}
		all = append(all, some...)
		next, err := nextPage(page, header)
		if next == nil || err != nil {
			return all, err
		}
		page = next
	}
	return nil, unavailable("GitHub's list at "+clip(path)+" does not end", nil)
}

// linkNext finds the URI of the link with relation next (RFC 8288) as GitHub
// writes it: <uri>; rel="next".
var linkNext = regexp.MustCompile(`<([^<>]*)>\s*;\s*rel="?next"?\s*(?:[,;]|$)`)

// nextPage returns the address of the following page, nil after the last one. The
// token goes along, so an address elsewhere is an error.
func nextPage(page *url.URL, h http.Header) (*url.URL, error) {
	match := linkNext.FindStringSubmatch(strings.Join(h.Values("Link"), ","))
	if match == nil {
		return nil, nil
	}
	next, err := page.Parse(match[1])
	if err != nil {
		return nil, unavailable("GitHub's link to the next page is not a URL", nil)
	}
	if !sameOrigin(next, page) {
		return nil, misconfigured("GitHub's link to the next page leads to %s instead of the API URL's %s; "+
			"is the API URL right?", clip(origin(next)), clip(origin(page)))
	}
	return next, nil
}

// get fetches one resource of the REST API as JSON.
func (g *GitHub) get(ctx context.Context, t Token, from *url.URL, into any) (http.Header, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, from.String(), nil)
	if err != nil {
		return nil, misconfigured("the GitHub API URL makes no request")
	}
	req.Header.Set("Authorization", "Bearer "+t.AccessToken)
	req.Header.Set("Accept", "application/vnd.github+json")
	req.Header.Set("X-GitHub-Api-Version", githubAPIVersion)
	resp, err := g.client.Do(req)
	if err != nil {
		return nil, transportError("GitHub", err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := readBounded(resp.Body)
	if resp.StatusCode != http.StatusOK {
		return nil, apiError(resp, body, g.now())
	}
	if err != nil {
		return nil, unavailable("GitHub's answer did not arrive whole", err)
	}
	if json.Unmarshal(body, into) != nil {
		return nil, unavailable("GitHub answered something else than the JSON expected (content type "+
			clip(resp.Header.Get("Content-Type"))+"); is the API URL right?", nil)
	}
	return resp.Header, nil
}
