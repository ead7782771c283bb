// Package whatwg compares how mcpkeep reads redirect URIs with the URL parser of
// browsers (https://url.spec.whatwg.org). It has tests only.
package whatwg
