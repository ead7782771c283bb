// Package clientdoc knows clients by the documents that they publish: client ID
// metadata documents (draft-ietf-oauth-client-id-metadata-document) and the key sets
// of private_key_jwt (RFC 7523). They are fetched under the rules of package fetch
// and kept in the store by the rules of HTTP caching, with a floor and a ceiling,
// so that all replicas together fetch each of them once; what was valid before
// stands in while a site is away.
package clientdoc
