package gcp

import (
	"context"
	"os"
	"strings"
	"sync"
)

// ours is the client of this process, made for these endpoints.
var ours struct {
	sync.Mutex
	client    *Client
	endpoints [2]string
}

// Default returns the client of this process: a secret is read once, whichever settings name
// it. It is a new one when the variables with the endpoints have changed.
func Default() (*Client, error) {
	ours.Lock()
	defer ours.Unlock()
	endpoints := [2]string{os.Getenv(EnvMetadataHost), os.Getenv(EnvSecretManager)}
	if ours.client != nil && ours.endpoints == endpoints {
		return ours.client, nil
	}
	client, err := New()
	if err == nil {
		ours.client, ours.endpoints = client, endpoints
	}
	return client, err
}

// Read returns the value of the secret that a setting names: Prefix and the name of a
// version. named is false for other values.
func Read(ctx context.Context, value string) (secret string, named bool, err error) {
	return readWith(ctx, value, (*Client).Secret)
}

// ReadAgain is Read for what may have changed since: see [Client.SecretAgain].
func ReadAgain(ctx context.Context, value string) (secret string, named bool, err error) {
	return readWith(ctx, value, (*Client).SecretAgain)
}

func readWith(ctx context.Context, value string, read func(*Client, context.Context, Name) (string, error)) (secret string, named bool, err error) {
	text, named := strings.CutPrefix(value, Prefix)
	if !named {
		return "", false, nil
	}
	n, err := ParseName(strings.TrimSpace(text))
	if err != nil {
		return "", true, &NameError{err.Error()}
	}
	client, err := Default()
	if err != nil {
		return "", true, err
	}
	secret, err = read(client, ctx, n)
	return secret, true, err
}

// NameError is a value with Prefix that names no version of a secret. The text itself is left
// out: it may be a secret that stands in the wrong place.
type NameError struct{ Problem string }

// Error implements error.
func (e *NameError) Error() string { return e.Problem + "; want " + WantName }

// VersionsRead returns the versions of secrets that this process has read, for the log.
func VersionsRead() []Version {
	client, err := Default()
	if err != nil {
		return nil
	}
	return client.Versions()
}
