// Package identity establishes who a person is: by asking an upstream provider
// (GitHub) through OAuth 2.0, or by the one password of the local owner. It also
// holds the policy that says who of them may sign in.
//
// It keeps nothing: no cache, no session, no database. State, PKCE verifiers,
// tokens and password hashes are stored by its callers.
package identity
