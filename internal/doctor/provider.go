package doctor

import (
	"cmp"
	"context"
	"errors"
	"net/http"

	"github.com/mcpkeep/mcpkeep/internal/identity"
)

const providerUsable = "provider_usable"

// provider checks the sign-in provider and our client there.
func (d *Doctor) provider(ctx context.Context) {
	switch p := d.Provider.(type) {
	case identity.RedirectProvider:
		d.redirectProvider(ctx, p)
	case nil:
		d.skip(areaProvider, providerUsable, "the provider is unknown until the settings are valid")
	default:
		d.ok(areaProvider, providerUsable, "sign-in uses the local password; there is no external provider")
	}
}

func (d *Doctor) redirectProvider(ctx context.Context, p identity.RedirectProvider) {
	base := d.BaseURL
	if base == "" {
		base = "http://127.0.0.1" // any URL serves to check the client
	}
	ctx, cancel := context.WithTimeout(ctx, providerWait)
	defer cancel()
	err := identity.Check(ctx, p, base+d.callbackPath())
	title := p.Title()
	switch {
	case err == nil:
		d.ok(areaProvider, providerUsable, title+" responds and accepts the client ID and secret")
	case errors.Is(err, identity.ErrUnavailable):
		d.add(Finding{
			Area: areaProvider, Check: providerUsable, Status: Failed, What: oneLine(err),
			Why: "Users cannot sign in until it responds; sessions continue for a while.",
			Fix: "Check that this machine can reach " + p.Issuer() + " (firewall, proxy, DNS), and look at the provider's status page.",
		})
	default:
		d.add(Finding{
			Area: areaProvider, Check: providerUsable, Status: Failed, What: oneLine(err),
			Why: "Users cannot sign in.",
			Fix: "Compare the client ID, client secret and URL with those that the provider shows for this client (MCPKEEP_" + variables(p.Name()) + ").",
		})
	}
	if d.BaseURL != "" {
		d.ok(areaProvider, "provider_callback", "callback URL to register at "+title+": "+d.BaseURL+d.callbackPath())
	}
	d.providerClock(ctx, p)
}

// callbackPath is where providers redirect users after sign-in.
func (d *Doctor) callbackPath() string { return cmp.Or(d.CallbackPath, "/auth/callback") }

// variables returns the settings of a provider.
func variables(provider string) string {
	switch provider {
	case "github":
		return "GITHUB_CLIENT_ID, _CLIENT_SECRET, MCPKEEP_GITHUB_URL"
	case "google":
		return "GOOGLE_CLIENT_ID, _CLIENT_SECRET"
	default:
		return "OIDC_ISSUER, _CLIENT_ID, _CLIENT_SECRET"
	}
}

// providerClock compares clocks by the Date header of any response.
func (d *Doctor) providerClock(ctx context.Context, p identity.Provider) {
	req, err := http.NewRequestWithContext(ctx, http.MethodHead, p.Issuer(), http.NoBody)
	if err != nil {
		return
	}
	before := d.now()
	resp, err := d.client().Do(req)
	if err != nil {
		return // provider reports why
	}
	defer func() { _ = resp.Body.Close() }()
	c := clocks{
		check: "clock_provider", whose: p.Title() + "'s clock", with: thisMachine, status: Failed,
		why: "ID tokens and rate limits have times: if the clocks differ, sign-ins are rejected.", fix: "Synchronize this machine's clock with NTP (timedatectl set-ntp true).",
	}
	if d.databaseAhead != nil { // by which servers go
		c.with, c.ahead = "the database server's", -*d.databaseAhead
		c.fix = "Synchronize the database server's clock with NTP (timedatectl set-ntp true)."
	}
	d.dateClock(c, resp.Header, before)
}
