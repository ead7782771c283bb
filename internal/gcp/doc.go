// Package gcp is what mcpkeep needs of Google Cloud: who this service is, as the metadata
// server tells it, access tokens for its service account, and versions of secrets from Secret
// Manager. Nothing runs between calls: a machine that was frozen continues where it stopped.
package gcp
