package main

import (
	"context"
	"errors"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/identity"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// shortestPassword is for one that a person chose and that strangers may try;
// guessing is slowed down. On loopback any will do.
const shortestPassword = 8

// setUpPassword makes sure that the local provider's person has a password: the
// configured one, or else one made here, which is returned to be shown once.
func (f *serveFlags) setUpPassword(ctx context.Context, store storage.PasswordStore, loopback bool) (shown string, err error) {
	local := identity.LocalPerson()
	person := storage.Person{Issuer: local.Issuer, Subject: local.Subject, Login: local.Login}
	current, err := store.Password(ctx, person)
	if err != nil && !errors.Is(err, storage.ErrNotFound) {
		return "", err
	}
	if f.LocalPassword != "" {
		return "", setConfigured(ctx, store, person, current, f.LocalPassword)
	}
	if current != "" {
		return "", nil
	}
	if !loopback {
		return "", usagef("MCPKEEP_LOCAL_PASSWORD: required with the provider local when not listening on loopback; want at least %d characters", shortestPassword)
	}
	made := identity.GeneratePassword()
	hash, err := identity.HashPassword(made)
	if err != nil {
		return "", err
	}
	err = store.SetPassword(ctx, person, hash, false, time.Now())
	if errors.Is(err, storage.ErrExists) {
		return "", nil // another process was first and shows its own
	}
	return made, err
}

// setConfigured stores the configured password unless it is stored already.
func setConfigured(ctx context.Context, store storage.PasswordStore, person storage.Person, current, password string) error {
	if current != "" {
		if same, err := identity.VerifyPassword(current, password); err == nil && same {
			return nil
		}
	}
	hash, err := identity.HashPassword(password)
	if err != nil {
		return usagef("MCPKEEP_LOCAL_PASSWORD: %v", err)
	}
	return store.SetPassword(ctx, person, hash, true, time.Now())
}
