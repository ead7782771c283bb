// Package providers signs users in at real OpenID providers, each in its own process: the
// npm package oidc-provider (folder node) and the example of zitadel/oidc (folder zitadel, a
// separate Go module). The tests need the build tag providers and npm.
package providers
