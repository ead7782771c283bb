package identity

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
)

const (
	githubAPIVersion = "2022-11-28" // known to github.com and to GitHub Enterprise Server 3.9 and later
	orgsPerPage      = "100"        // GitHub's maximum
	maxOrgPages      = 20
)

// person asks who the token belongs to and, where they decide, for the
// organisations.
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
	if !g.orgs {
		return p, nil
	}
	if !orgsReadable(header, t.AccessToken) {
		return Person{}, refused(p.Login, "GitHub did not grant this server the permission read:org, "+
			"without which it cannot see the account's organisations; please sign in again and grant it")
	}
	if p.Orgs, err = g.organisations(ctx, t); err != nil {
		return Person{}, err
	}
	return p, nil
}

// orgsReadable looks at the scopes that GitHub says the token has. Without the
// right one GitHub lists public memberships at most, which would look like a
// person who left. A GitHub App's user token (ghu_) has permissions, no scopes.
func orgsReadable(h http.Header, accessToken string) bool {
	if strings.HasPrefix(accessToken, "ghu_") || len(h.Values("X-OAuth-Scopes")) == 0 {
		return true
	}
	for scope := range strings.SplitSeq(strings.Join(h.Values("X-OAuth-Scopes"), ","), ",") {
		switch strings.TrimSpace(scope) {
		case "read:org", "write:org", "admin:org":
			return true
		}
	}
	return false
}

// organisations follows the pages of the list to its end.
func (g *GitHub) organisations(ctx context.Context, t Token) ([]string, error) {
	page := g.api.JoinPath("user/orgs")
	page.RawQuery = url.Values{"per_page": {orgsPerPage}}.Encode()
	var logins []string
	for range maxOrgPages {
		var orgs []struct {
			Login string `json:"login"`
		}
		header, err := g.get(ctx, t, page, &orgs)
		if err != nil {
			return nil, err
		}
		for _, o := range orgs {
			logins = append(logins, o.Login)
		}
		next, err := nextPage(page, header)
		if next == nil || err != nil {
			return logins, err
		}
		page = next
	}
	return nil, unavailable("GitHub's list of organisations does not end", nil)
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
		return nil, transportError(err)
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

// transportError classifies a request that brought no usable answer.
func transportError(err error) error {
	var network *url.Error
	switch {
	case errors.Is(err, errRedirect):
		return misconfigured("GitHub answered with a %v; are the GitHub URLs right?", errors.Unwrap(err))
	case errors.As(err, &network):
		return unavailable("GitHub does not answer", err)
	default:
		// x/oauth2 could not read or parse the answer; its error may quote it.
		return unavailable("GitHub's answer did not arrive whole or is not understood", nil)
	}
}
