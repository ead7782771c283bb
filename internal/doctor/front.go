package doctor

import (
	"net/http"
	"net/url"
	"strings"
)

// front is a product that answers in place of the server, and how to let clients through.
type front struct{ what, fix string }

// recognize returns the product that gave this answer, nil if it is not known.
func recognize(a answer) *front {
	switch {
	case a.StatusCode >= 300 && a.StatusCode < 400:
		return signInWall(a)
	case a.Header.Get("X-Goog-IAP-Generated-Response") != "":
		return &front{"Identity-Aware Proxy asks for a Google account before the server is reached",
			"Turn off IAP for this backend, or put the server on one without it: mcpkeep signs users in itself."}
	case a.Header.Get("Cf-Mitigated") == "challenge":
		return &front{"Cloudflare answers with a challenge, which programs cannot solve",
			"Add a WAF custom rule in Cloudflare that skips challenges and bot protection for this host name."}
	}
	return notForwarded(a)
}

// signInWall knows redirects to pages where people sign in.
func signInWall(a answer) *front {
	target, err := a.Request.URL.Parse(a.Header.Get("Location"))
	if err != nil {
		return nil
	}
	at := func(host string) bool {
		return target.Hostname() == host || strings.HasSuffix(target.Hostname(), "."+host)
	}
	switch {
	case at("cloudflareaccess.com"):
		return &front{"Cloudflare Access asks for its own sign-in",
			"Add a policy with the action Bypass for everyone to this application in Cloudflare Zero Trust: mcpkeep signs users in itself."}
	case at("accounts.google.com"):
		return &front{"Identity-Aware Proxy asks for a Google account before the server is reached",
			"Turn off IAP for this backend, or put the server on one without it: mcpkeep signs users in itself."}
	case at("login.microsoftonline.com"), at("login.windows.net"):
		return &front{"App Service authentication asks for a Microsoft account before the server is reached",
			"Set the app's authentication to allow unauthenticated requests: mcpkeep signs users in itself."}
	case at("amazoncognito.com"):
		return &front{"the load balancer's authenticate-cognito action asks for a sign-in",
			"Remove the action authenticate-cognito from the listener rule: mcpkeep signs users in itself."}
	case otherSite(a.Request.URL, target) && looksLikeSignIn(target):
		return &front{"a sign-in page at " + target.Host + " stands in front of the server",
			"Exempt this host name from the sign-in at " + target.Host + ": mcpkeep signs users in itself, and clients are programs without cookies."}
	}
	return nil
}

func otherSite(own, target *url.URL) bool { return target.Host != own.Host }

// looksLikeSignIn reports whether a URL is one of OAuth, SAML or a page to sign in.
func looksLikeSignIn(u *url.URL) bool {
	query := u.Query()
	if query.Has("client_id") || query.Has("SAMLRequest") {
		return true
	}
	for _, word := range []string{"/oauth2/", "/login", "/signin", "/sign-in", "/sso", "/saml"} {
		if strings.Contains(strings.ToLower(u.Path)+"/", word) {
			return true
		}
	}
	return false
}

// notForwarded knows the pages of platforms that do not pass a request on.
func notForwarded(a answer) *front {
	google := strings.Contains(a.Header.Get("Server"), "Google Frontend") || strings.Contains(a.body, "<title>Error "+http.StatusText(a.StatusCode)) ||
		strings.Contains(a.body, "That’s all we know") || strings.Contains(a.body, "That's all we know")
	balancer := strings.HasPrefix(a.Header.Get("Server"), "awselb")
	switch {
	case a.StatusCode == http.StatusForbidden && (strings.Contains(a.body, "does not have permission to get URL") || google && a.isHTML()):
		return &front{"Google refuses the request before it reaches the server: the Cloud Run service is not public",
			"Run `gcloud run services add-iam-policy-binding SERVICE --region=REGION --member=allUsers --role=roles/run.invoker`: mcpkeep authenticates clients itself."}
	case a.StatusCode == http.StatusNotFound && google && a.isHTML():
		return &front{"Google has no service for this request: the Cloud Run service does not exist at this address, or its ingress is internal",
			"Compare MCPKEEP_BASE_URL with the service's URL, and run `gcloud run services update SERVICE --region=REGION --ingress=all`."}
	case a.StatusCode == http.StatusNotFound && balancer:
		return &front{"no rule of the load balancer's listener matches this host and path",
			"Add a listener rule that forwards every path of this host name to the server's target group."}
	case a.StatusCode == http.StatusServiceUnavailable && balancer:
		return &front{"the load balancer has no healthy target",
			"Set the target group's health check to GET /healthz on the server's port, and check that the server runs."}
	case a.StatusCode == http.StatusNotFound && strings.Contains(a.body, "default backend - 404"):
		return &front{"the ingress controller has no Ingress for this host name",
			"Add a rule for this host name with the path / (pathType Prefix) to the Ingress."}
	}
	return nil
}
