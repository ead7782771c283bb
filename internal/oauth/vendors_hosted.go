package oauth

// hosted are clients that run at their makers' and of which only the redirect URIs
// matter here: they are known where one of them comes with a client ID that is not
// registered. {id} is what the maker chooses for each connection. Data of November 2026;
// sources:
//
//   - Copilot Studio: Microsoft Learn, "Configure OAuth 2.0 authentication" of Microsoft
//     365 Copilot (teams.microsoft.com) and the Power Platform's consent gateway, one
//     path a connector (pantalytics/odoo-mcp-pro#57, June 2026);
//   - Gemini Enterprise: Google Cloud, OAuth client of a custom connector
//     (vertexaisearch), and Gemini Apps, one path a user (koala73/worldmonitor#8305,
//     September 2026);
//   - Le Chat: no page of Mistral's names it; servers that it connects to list it
//     (pantalytics/odoo-mcp-pro#21, April 2026; koala73/worldmonitor#8305);
//   - Perplexity: its help center on custom connectors, as quoted in
//     koala73/worldmonitor#8305 (September 2026);
//   - n8n Cloud: Zuora's "Redirect URIs by MCP client"; self-hosted n8n has an address of
//     its own, which MCPKEEP_READOPT_REDIRECTS can name.
var hosted = []Vendor{
	{
		Name: "Microsoft Copilot",
		RedirectURIs: []string{
			"https://teams.microsoft.com/api/platform/v1.0/oAuthRedirect",
			"https://global.consent.azure-apim.net/redirect", "https://global.consent.azure-apim.net/redirect/{id}",
		},
	},
	{
		Name: "Gemini",
		RedirectURIs: []string{
			"https://vertexaisearch.cloud.google.com/oauth-redirect", "https://oauth-redirect.googleusercontent.com/r/{id}",
		},
	},
	{
		Name:         "Le Chat",
		RedirectURIs: []string{"https://callback.mistral.ai/v1/integrations_auth/oauth2_callback"},
	},
	{
		Name: "Perplexity",
		RedirectURIs: []string{
			"https://www.perplexity.ai/rest/connections/oauth_callback", "https://enterprise.perplexity.ai/rest/connections/oauth_callback",
		},
	},
	{
		Name:         "n8n Cloud",
		RedirectURIs: []string{"https://oauth.n8n.cloud/oauth2/callback"},
	},
}
