// Package oauth implements the protocol without HTTP and storage: error codes, PKCE,
// redirect URIs, scopes, the resource, token formats, client registration and the metadata
// documents. Its functions are pure except for randomness, and every decision about client
// input is made here.
package oauth
