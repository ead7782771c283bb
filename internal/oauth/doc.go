// Package oauth is the protocol without HTTP and without storage: error codes,
// PKCE, redirect URIs, scopes, the resource, token formats, client registration
// and the metadata documents. Its functions are pure but for randomness, and
// everything that decides about input from a client decides here.
package oauth
