// Package oidctest is an OpenID provider for tests: discovery, authorization code flow,
// refresh, userinfo and keys, with real signatures. A Provider describes its metadata and
// its deviations; those in providers.go follow the documentation of real providers. It is
// stricter in one respect: it requires PKCE with S256.
//
// A provider may use the issuer of a real one: Client returns an HTTP client whose requests
// to that provider's hosts reach this server.
//
// Tests add accounts, select who is signed in in the browser, change claims, and inject
// faults.
package oidctest
