// Package assertion signs identity assertions (ES256 JSON Web Tokens), by which a server
// behind this one knows who calls, and publishes the keys that verify them. Keys follow one
// another without a gap on any of several replicas. It knows neither HTTP nor a database.
package assertion
