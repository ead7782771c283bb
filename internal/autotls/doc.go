// Package autotls gives a server its HTTPS: certificates that it obtains and renews by
// itself at an ACME certificate authority (RFC 8555), or those of two files. What it
// obtains is kept in a storage.CertificateStore, which replicas share: one certificate,
// one order, and any replica answers a challenge.
package autotls
