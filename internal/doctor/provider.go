package doctor

import (
	"context"
	"errors"
	"net/http"

	"github.com/mcpkeep/mcpkeep/internal/identity"
)

// callbackPath is where providers send people back to.
const callbackPath = "/auth/callback"

// provider asks the provider about itself and about our client there.
func (d *Doctor) provider(ctx context.Context) {
	const check = "provider_usable"
	switch {
	case d.Local:
		d.ok(areaProvider, check, "the local password signs one person in; there is no provider to ask")
		return
	case d.Upstream == nil:
		d.skip(areaProvider, check, "who signs people in is not known before the settings are right")
		return
	}
	base := d.BaseURL
	if base == "" {
		base = "http://127.0.0.1" // any will do to ask about the client
	}
	ctx, cancel := context.WithTimeout(ctx, providerWait)
	defer cancel()
	err := identity.Check(ctx, d.Upstream, base+callbackPath)
	title := d.Upstream.Title()
	switch {
	case err == nil:
		d.ok(areaProvider, check, title+" answers, and accepts client id and secret")
	case errors.Is(err, identity.ErrUnavailable):
		d.add(Finding{
			Area: areaProvider, Check: check, Status: Failed, What: oneLine(err),
			Why:  "Nobody can sign in while it does not answer; sessions go on for a while.",
			Mend: "Check that this machine may reach " + d.Upstream.Issuer() + " (firewall, proxy, DNS), and the provider's own status page.",
		})
	default:
		d.add(Finding{
			Area: areaProvider, Check: check, Status: Failed, What: oneLine(err),
			Why:  "Nobody can sign in.",
			Mend: "Compare client id, client secret and address of the provider with what it shows for this client (MCPKEEP_" + variables(d.Upstream.Name()) + ").",
		})
	}
	if d.BaseURL != "" {
		d.ok(areaProvider, "provider_callback", "callback URL to register at "+title+": "+d.BaseURL+callbackPath)
	}
	d.providerClock(ctx)
}

// variables are the settings of a provider.
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

// providerClock compares clocks by the Date of any answer.
func (d *Doctor) providerClock(ctx context.Context) {
	req, err := http.NewRequestWithContext(ctx, http.MethodHead, d.Upstream.Issuer(), http.NoBody)
	if err != nil {
		return
	}
	before := d.now()
	resp, err := d.client().Do(req)
	if err != nil {
		return // why is said above
	}
	defer func() { _ = resp.Body.Close() }()
	d.dateClock("clock_provider", d.Upstream.Title()+"'s clock", resp.Header, before)
}
