// Package providers signs people in at real OpenID providers, each a process of its own:
// the npm package oidc-provider (folder node) and the example of zitadel/oidc (folder
// zitadel, a Go module of its own). The tests are behind the build tag providers and
// need npm.
package providers
