// Package githubtest is a GitHub for tests: the OAuth web flow and the two REST
// resources that sign-in needs, answering as GitHub's documentation says (pages
// "Authorizing OAuth apps", "Refreshing user access tokens", "Troubleshooting OAuth
// app access token request errors", "Users", "Organizations", "Rate limits for the
// REST API"). It is stricter in one point: PKCE with S256 is required.
//
// Tests add people, say who is signed in in the browser, and break things.
package githubtest
