// Package identity establishes who a person is: by asking an upstream provider
// (GitHub through OAuth 2.0; Google and any other OpenID provider through OpenID
// Connect), or by the one password of the local owner. It also holds the policy
// that says who of them may sign in.
//
// It keeps nothing that matters: no session, no database; only the discovery
// document and the keys of an OpenID provider are cached. State, nonce, PKCE
// verifiers, tokens and password hashes are stored by its callers.
package identity
