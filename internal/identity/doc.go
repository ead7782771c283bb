// Package identity establishes who a user is: through a sign-in provider (GitHub over OAuth
// 2.0; Google and any other OpenID provider over OpenID Connect) or the local password. It
// also contains the policy that decides who may sign in.
//
// It stores no state: it only caches an OpenID provider's discovery document and keys. Its
// callers store state, nonce, PKCE verifiers, tokens and password hashes.
package identity
