// Package githubtest simulates GitHub for tests: the OAuth web flow and the REST resources
// that sign-in needs, as GitHub documents them (pages "Authorizing OAuth apps", "Refreshing
// user access tokens", "Troubleshooting OAuth app access token request errors", "Users",
// "Organizations", "Rate limits for the REST API"). It is stricter in one respect: it
// requires PKCE with S256.
//
// Tests add accounts, select who is signed in in the browser, and inject faults.
package githubtest
