package identity

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

const (
	reasonCodeSpent = "the provider's sign-in code has expired or was already used; please sign in again"
	reasonEnded     = "the provider no longer accepts the last sign-in: it was revoked or has expired, or the account was removed; " +
		"please sign in again"
)

// askToken sends a request to the token endpoint. If the provider supports two
// authentication methods, it may have recorded either for this client: after a refusal, the
// other is tried.
func (o *OIDC) askToken(
	ctx context.Context, p *provider, redirectURI string, ask func(context.Context, *oauth2.Config) (*oauth2.Token, error),
) (*oauth2.Token, error) {
	styles, err := o.authStyles(p)
	if err != nil {
		return nil, err
	}
	ctx = oidc.ClientContext(ctx, o.client)
	var answer *oauth2.Token
	for _, style := range styles {
		answer, err = ask(ctx, &oauth2.Config{
			ClientID: o.config.ClientID, ClientSecret: o.config.ClientSecret, RedirectURL: redirectURI,
			Endpoint: oauth2.Endpoint{TokenURL: p.TokenEndpoint, AuthStyle: style},
		})
		if err == nil {
			o.authStyle.Store(int32(style)) //nolint:gosec // a small constant
		}
		var refusal *oauth2.RetrieveError
		if !errors.As(err, &refusal) || refusal.ErrorCode != "invalid_client" {
			break
		}
	}
	return answer, err
}

// authStyles returns the authentication methods of the token endpoint, starting with the
// one that worked last. The default is client_secret_basic (RFC 8414 section 2).
func (o *OIDC) authStyles(p *provider) ([]oauth2.AuthStyle, error) {
	var styles []oauth2.AuthStyle
	offered := p.TokenAuthMethods
	if len(offered) == 0 || slices.Contains(offered, "client_secret_basic") {
		styles = append(styles, oauth2.AuthStyleInHeader)
	}
	if slices.Contains(offered, "client_secret_post") {
		styles = append(styles, oauth2.AuthStyleInParams)
	}
	if len(styles) == 0 {
		return nil, misconfigured("%s's token endpoint supports neither client_secret_basic nor client_secret_post", o.title)
	}
	first := oauth2.AuthStyle(o.authStyle.Load())
	if first == 0 && p.family.postSecret {
		first = oauth2.AuthStyleInParams
	}
	if len(styles) == 2 && styles[1] == first {
		slices.Reverse(styles)
	}
	return styles, nil
}

// take returns the token with what the token endpoint returned. The expiry is computed by
// our clock; the library uses the machine's.
func (o *OIDC) take(answer *oauth2.Token, t Token) Token {
	t.AccessToken, t.Expiry, t.Doubtful = answer.AccessToken, time.Time{}, false
	if answer.RefreshToken != "" {
		t.RefreshToken = answer.RefreshToken
	}
	if answer.ExpiresIn > 0 {
		t.Expiry = o.config.Now().Add(time.Duration(answer.ExpiresIn) * time.Second).UTC().Round(0)
	}
	return t
}

// tokenError classifies a failure of the token endpoint. invalid is the reason of an
// invalid_grant. The library's error is not wrapped: its text contains the response.
func (o *OIDC) tokenError(p *provider, err error, invalid string) error {
	var answer *oauth2.RetrieveError
	if !errors.As(err, &answer) {
		if errors.Is(err, ErrMisconfigured) {
			return err
		}
		return transportError(o.title, err)
	}
	switch status := answer.Response.StatusCode; {
	case status >= 500 || status == http.StatusTooManyRequests || status == http.StatusRequestTimeout:
		return overloaded(o.title, answer.Response, o.config.Now())
	case answer.ErrorCode == "":
		return unavailable(o.title+"'s token endpoint returned "+answer.Response.Status+" without an error code", nil)
	case invalid == reasonEnded && slices.Contains(p.family.endsWith, answer.ErrorCode):
		return refused("", invalid)
	}
	switch code := answer.ErrorCode; code {
	case "invalid_grant":
		return refused("", invalid)
	case "access_denied", "login_required", "interaction_required", "consent_required":
		return refused("", "the provider requires a new sign-in")
	case "temporarily_unavailable", "server_error", "slow_down":
		return unavailable(o.title+"'s token endpoint reports "+code, nil)
	case "invalid_client", "unauthorized_client":
		return misconfigured("%s rejected the client ID and client secret (%s)", o.title, clip(answer.ErrorDescription))
	case "redirect_uri_mismatch":
		return misconfigured("%s", redirectMismatch)
	default:
		return misconfigured("%s's token endpoint returned error %s (%s)", o.title, clip(code), clip(answer.ErrorDescription))
	}
}
