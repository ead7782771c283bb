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

// person fetches the account that the token belongs to and, if they matter, the email
// address, the organizations and the teams.
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
		return Person{}, unavailable("GitHub's response contains no account; is the API URL correct?", nil)
	}
	p := Person{
		Issuer: g.issuer, Subject: strconv.FormatInt(user.ID, 10),
		Login: user.Login, Name: user.Name, Email: user.Email,
		Known: []Fact{FactDomain, FactGroups}, // GitHub has neither
	}
	return g.complete(ctx, t, header, p)
}

// complete adds what the policy needs beyond the account. A permission that the token lacks
// is no error: the lists may have grown since the sign-in, and users whom they name in
// another way must keep access.
func (g *GitHub) complete(ctx context.Context, t Token, header http.Header, p Person) (Person, error) {
	switch {
	case !g.asks.emails:
	case !scopeGranted(header, t.AccessToken, "user:email", "user"):
		p.Withheld = missingScope("user:email", "verified email address")
	default:
		if err := g.verifiedEmail(ctx, t, &p); err != nil {
			return Person{}, err
		}
		p.Known = append(p.Known, FactEmail)
	}
	switch {
	case !g.asks.orgs && !g.asks.teams:
	case !scopeGranted(header, t.AccessToken, "read:org", "write:org", "admin:org"):
		p.Withheld = missingScope("read:org", "organizations")
	default:
		var err error
		if p.Orgs, err = g.memberships(ctx, t); err != nil {
			return Person{}, err
		}
		p.Known = append(p.Known, g.asks.memberships()...)
	}
	return p, nil
}

func missingScope(scope, what string) string {
	return "GitHub did not grant this server the scope " + scope + ", which it needs to see the account's " +
		what + "; please sign in again and grant it"
}

// scopeGranted checks the scopes that GitHub reports for the token. Without the right one,
// GitHub lists at most public memberships, which would look as if the user had left. A
// GitHub App's user token (ghu_) has permissions, no scopes.
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

// verifiedEmail replaces the public profile's address with the account's primary one if
// GitHub reports it as verified.
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

// memberships returns the organizations and, as org/team, the teams, whichever were
// requested.
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

// pagesOf fetches all pages of a list.
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
	return nil, unavailable("GitHub's list at "+clip(path)+" has too many pages", nil)
}

// linkNext finds the URI of the link with relation next (RFC 8288) as GitHub
// writes it: <uri>; rel="next".
var linkNext = regexp.MustCompile(`<([^<>]*)>\s*;\s*rel="?next"?\s*(?:[,;]|$)`)

// nextPage returns the URL of the next page, or nil after the last one. The request carries
// the token, so a URL of another origin is an error.
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
		return nil, misconfigured("GitHub's link to the next page points to %s instead of the API URL's %s; "+
			"is the API URL correct?", clip(origin(next)), clip(origin(page)))
	}
	return next, nil
}

// get fetches one resource of the REST API as JSON.
func (g *GitHub) get(ctx context.Context, t Token, from *url.URL, into any) (http.Header, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, from.String(), nil)
	if err != nil {
		return nil, misconfigured("the GitHub API URL is not usable")
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
		return nil, unavailable("GitHub's response was incomplete", err)
	}
	if json.Unmarshal(body, into) != nil {
		return nil, unavailable("GitHub did not return the expected JSON (content type "+
			clip(resp.Header.Get("Content-Type"))+"); is the API URL correct?", nil)
	}
	return resp.Header, nil
}
