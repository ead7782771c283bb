// Package oidctest is an OpenID provider for tests: discovery, authorization code
// flow, refresh, userinfo and keys, with real signatures. What it says about itself
// and how it differs from others is a Provider; those in providers.go follow the
// documentation of real ones. It is stricter in one point: PKCE with S256 is required.
//
// A provider may have the issuer of a real one: Client returns an HTTP client whose
// requests to that provider's hosts arrive here.
//
// Tests add people, say who is signed in in the browser, change what tokens say, and
// break things.
package oidctest
