package app

import (
	"context"
	"errors"
	"os"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/identity"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// setUpPassword makes sure that the local provider's person has a password: the
// configured one, or else one made here, which is shown once on a terminal or written to a
// file.
func (a *App) setUpPassword(ctx context.Context, store storage.PasswordStore) error {
	c := a.checked
	person := localPerson()
	current, err := store.Password(ctx, person)
	if err != nil && !errors.Is(err, storage.ErrNotFound) {
		return err
	}
	if password := c.settings.Provider.Password; password != "" {
		return c.setConfigured(ctx, store, person, current, password, a.checked.clock.Now())
	}
	if current != "" {
		return nil
	}
	if !c.Private {
		return problem("Provider.Password", "at least 8 characters",
			"required with the provider local unless only this machine can connect: "+onlyLoopback)
	}
	made := identity.GeneratePassword()
	hash, err := identity.HashPassword(made)
	if err != nil {
		return err
	}
	set := func() error { return store.SetPassword(ctx, person, hash, false, a.checked.clock.Now()) }
	if show := a.host.terminal(); show != nil {
		err = set()
		if err == nil {
			show(made)
		}
	} else {
		err = a.setNoted(ctx, made, set)
	}
	if errors.Is(err, storage.ErrExists) {
		return nil // another process was first and shows its own
	}
	return err
}

// setNoted sets a password once it is in a file, so that no set password is lost.
func (a *App) setNoted(ctx context.Context, password string, set func() error) error {
	path := a.passwordFile()
	note, err := writePassword(path, password)
	if err == nil {
		err = set()
	}
	if err != nil {
		note.discard()
		return err
	}
	if err := note.keep(); err != nil {
		path = note.temp
	}
	a.log.WarnContext(ctx, "the first password is in a file; read it, then delete the file", "file", path)
	return nil
}

func (a *App) passwordFile() string {
	return PasswordFile(a.checked.settings.Keys, a.checked.settings.databaseURL())
}

func localPerson() storage.Person {
	local := identity.Local{}.Person()
	return storage.Person{Issuer: local.Issuer, Subject: local.Subject, Login: local.Login}
}

// NewPassword replaces the local provider's password by one made here and returns it.
// It may be called while servers run.
func NewPassword(ctx context.Context, store storage.PasswordStore, now time.Time) (string, error) {
	made := identity.GeneratePassword()
	hash, err := identity.HashPassword(made)
	if err != nil {
		return "", err
	}
	return made, store.SetPassword(ctx, localPerson(), hash, true, now)
}

// PasswordHint says where the local provider's password comes from, "" for other
// providers.
func (a *App) PasswordHint() string {
	if _, local := a.checked.Provider.(identity.Local); !local {
		return ""
	}
	if a.checked.settings.Provider.Password != "" {
		return "The password is the one in MCPKEEP_LOCAL_PASSWORD."
	}
	if _, err := os.Stat(a.passwordFile()); err == nil {
		return "The password is in the file " + a.passwordFile() + ", which you can delete. If it is lost, `mcpkeep users password` sets a new one."
	}
	return "The password was shown on the first start. If it is lost, `mcpkeep users password` sets a new one."
}

// setConfigured stores the configured password unless it is stored already. A new one ends
// no connection, which the log says.
func (c Checked) setConfigured(
	ctx context.Context, store storage.PasswordStore, person storage.Person, current, password string, now time.Time,
) error {
	if current != "" {
		if same, err := identity.VerifyPassword(current, password); err == nil && same {
			return nil
		}
	}
	hash, err := identity.HashPassword(password)
	if err != nil {
		return because("Provider.Password", "", err)
	}
	err = store.SetPassword(ctx, person, hash, true, now)
	if err == nil && current != "" {
		c.settings.Logger.WarnContext(ctx, "local password changed; existing connections continue", "to_end_them", endConnections)
	}
	return err
}

// endConnections is the command that ends all connections of the local provider's user.
const endConnections = "mcpkeep grants revoke --user owner"
