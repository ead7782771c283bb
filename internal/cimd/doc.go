// Package cimd identifies clients by the documents they publish: client ID metadata
// documents (draft-ietf-oauth-client-id-metadata-document) and the key sets of
// private_key_jwt (RFC 7523). It fetches them under the rules of package fetch and
// stores them under the rules of HTTP caching, with a minimum and a maximum lifetime,
// so that all replicas together fetch each document once. While a site is unreachable,
// the last valid document stays in use.
package cimd
