package identity

import (
	"context"
	"encoding/json"
	"errors"

	"golang.org/x/oauth2"
)

// Recheck renews the provider's token, which shows whether the account still exists and may
// be used, and reads the user from the response.
//
// If the provider issued no refresh token, it uses the access token while that is valid.
// After that, the last response counts for UnaskableFor. It checks that the provider is
// reachable first, so that an outage spends no refresh token.
func (o *OIDC) Recheck(ctx context.Context, t Token) (Person, Token, error) {
	if t.Issuer != o.id {
		return Person{}, t, refused("", "the last sign-in was with a different provider; please sign in again")
	}
	ctx, cancel := context.WithTimeout(ctx, o.config.Timeout)
	defer cancel()
	if t.RefreshToken == "" && !o.lives(t) {
		return o.lastKnown(ctx, t)
	}
	p, err := o.discovery.alive(ctx)
	switch {
	case err != nil:
		return Person{}, t, err
	case t.RefreshToken != "":
		return o.renew(ctx, p, t)
	case p.UserInfoEndpoint == "" || p.family.noUserInfo && t.Claims != "":
		return o.lastKnown(ctx, t)
	}
	return o.askAgain(ctx, p, t)
}

// lives reports whether the access token may still be valid.
func (o *OIDC) lives(t Token) bool { return t.Expiry.IsZero() || o.config.Now().Before(t.Expiry) }

// renew uses the refresh token.
func (o *OIDC) renew(ctx context.Context, p *provider, t Token) (Person, Token, error) {
	answer, err := o.askToken(ctx, p, "", func(ctx context.Context, c *oauth2.Config) (*oauth2.Token, error) {
		return c.TokenSource(ctx, &oauth2.Token{RefreshToken: t.RefreshToken}).Token()
	})
	if err != nil {
		t.Doubtful = t.Doubtful || mayBeLost(err)
		return Person{}, t, o.tokenError(p, err, reasonEnded)
	}
	t = o.take(answer, t)
	said, err := o.verify(ctx, p, answer)
	if err == nil && said != nil && said.text("nonce") != "" && said.text("nonce") != t.Nonce {
		err = unavailable(o.title+"'s ID token belongs to a different sign-in", nil)
	}
	if err != nil {
		return Person{}, t, err
	}
	if said, err = o.complete(ctx, p, t, said); err != nil {
		return Person{}, t, err
	}
	return o.confirm(p, t, said)
}

// complete queries the userinfo endpoint for claims that the ID token lacks. With neither,
// what is known stays: the provider has just renewed its token for this account.
func (o *OIDC) complete(ctx context.Context, p *provider, t Token, said claims) (claims, error) {
	if said != nil && (o.enough(p.family, said) || p.family.noUserInfo || p.UserInfoEndpoint == "") {
		return said, nil
	}
	if p.UserInfoEndpoint == "" || p.family.noUserInfo {
		return t.claims()
	}
	more, err := o.userInfo(ctx, p, t.AccessToken)
	if err != nil || said == nil {
		return more, err
	}
	if more.text("sub") != said.text("sub") {
		return nil, unavailable(o.title+"'s userinfo endpoint returned a different subject than its ID token", nil)
	}
	return said.over(more), nil
}

// askAgain uses the access token. Claims that only the ID token had stay; a token that came
// from a FastMCP server has none.
func (o *OIDC) askAgain(ctx context.Context, p *provider, t Token) (Person, Token, error) {
	more, err := o.userInfo(ctx, p, t.AccessToken)
	if errors.Is(err, errAccessTokenDead) && t.Expiry.IsZero() {
		return o.lastKnown(ctx, t) // it may have expired as well
	}
	if err != nil {
		return Person{}, t, err
	}
	known := claims{}
	if t.Claims != "" {
		if known, err = t.claims(); err != nil {
			return Person{}, t, err
		}
	}
	if name := o.groupsClaim(p.family); more.elsewhere(name) || more.has(name) {
		delete(known, name)
	}
	return o.confirm(p, t, more.over(known))
}

// confirm records when the provider reported the claims.
func (o *OIDC) confirm(p *provider, t Token, said claims) (Person, Token, error) {
	t.Claims, t.Confirmed = o.keep(p.family, said), o.config.Now().UTC().Round(0)
	return o.personOf(p, said), t, nil
}

// lastKnown returns the person that the provider last confirmed, for a bounded time.
func (o *OIDC) lastKnown(ctx context.Context, t Token) (Person, Token, error) {
	said, err := t.claims()
	if err != nil || !o.config.Now().Before(t.Confirmed.Add(UnaskableFor)) {
		return Person{}, t, refused("", "the provider can no longer confirm this sign-in; please sign in again")
	}
	p := o.discovery.last()
	if p == nil {
		if p, err = o.discovery.get(ctx); err != nil {
			return Person{}, t, err
		}
	}
	return o.personOf(p, said), t, nil
}

// claims returns what the provider last reported.
func (t Token) claims() (claims, error) {
	var said claims
	if json.Unmarshal([]byte(t.Claims), &said) != nil || said.text("sub") == "" {
		return nil, refused("", "nothing is known about the last sign-in; please sign in again")
	}
	return said, nil
}
