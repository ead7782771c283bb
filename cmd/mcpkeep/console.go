package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"slices"
	"strings"
	"time"

	"golang.org/x/term"

	"github.com/mcpkeep/mcpkeep/internal/app"
	"github.com/mcpkeep/mcpkeep/internal/console"
	"github.com/mcpkeep/mcpkeep/internal/db"
	"github.com/mcpkeep/mcpkeep/internal/keyring"
	"github.com/mcpkeep/mcpkeep/internal/repo"
	"github.com/mcpkeep/mcpkeep/internal/sealed"
	"github.com/mcpkeep/mcpkeep/internal/setting"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// commandOpenFor is how long a command waits for a database that does not respond.
var commandOpenFor = 5 * time.Second //nolint:gochecknoglobals // a constant but for tests

// jsonFlag is embedded in commands that programs use too.
type jsonFlag struct {
	JSON bool `name:"json" help:"Print JSON."`
}

// yesFlag is embedded in commands that ask for confirmation.
type yesFlag struct {
	Yes bool `name:"yes" help:"Skip the confirmation prompt."`
}

// confirm returns a function that asks whether to do what its text describes.
func (f yesFlag) confirm(ctx context.Context, std streams) func(what string) error {
	return func(what string) error {
		if f.Yes || confirmed(ctx, std, what+" Type \"yes\" to continue: ") {
			return nil
		}
		return errNotConfirmed
	}
}

// adminConsole is a console on an open database.
type adminConsole struct {
	*console.Console
	db    *db.DB
	keys  *keyring.Keyring
	store *repo.Repo
}

// withConsole opens the database and the keys for an administrator's command. It creates
// neither a database nor a key, and records no key.
func (f *keyFlags) withConsole(
	ctx context.Context, std streams, json bool, yes yesFlag, do func(context.Context, adminConsole) error,
) error {
	return f.openConsole(ctx, std, json, yes, true, do)
}

// openConsole is withConsole for a command that needs keys, or can do without: it uses what it
// gets then.
func (f *keyFlags) openConsole(
	ctx context.Context, std streams, json bool, yes yesFlag, needKeys bool, do func(context.Context, adminConsole) error,
) error {
	d, err := f.openExisting(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = d.Close() }()
	keys, err := f.configuredKeys()
	switch {
	case err != nil && needKeys:
		return err
	case err != nil:
		keys = new(keyring.Keyring)
	}
	store := repo.New(d, keys)
	if err := f.checkStore(ctx, d, store, keys, needKeys); err != nil {
		return err
	}
	theirs, err := f.foreign(ctx, d)
	if err != nil {
		return err
	}
	store.ShareTables(theirs)
	p := newProgress(std)
	defer p.end()
	err = do(storage.WithActor(ctx, storage.Actor{Name: operator()}), adminConsole{
		db: d, keys: keys, store: store,
		Console: &console.Console{
			Store: store, Out: clearing{p, std.out}, Err: clearing{p, std.err}, JSON: json, Width: widthOf(std.out), Now: d.Now,
			Progress: p.report, Confirm: func(what string) error {
				p.end()
				return yes.confirm(ctx, std)(what)
			},
		},
	})
	if err != nil && ctx.Err() != nil {
		return errInterrupted
	}
	return err
}

// openExisting opens a database that a server has created.
func (f *databaseFlags) openExisting(ctx context.Context) (*db.DB, error) {
	if err := f.exists(); err != nil {
		return nil, err
	}
	return f.openDatabase(ctx, slog.New(slog.DiscardHandler), commandOpenFor)
}

// exists refuses an SQLite file that does not exist, since opening would create it: after
// a typo in the path, the command would show an empty database and leave a stray file.
func (f *databaseFlags) exists() error {
	path, ok := db.IsSQLite(f.DatabaseURL)
	if !ok || path == "" {
		return nil
	}
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("DATABASE_URL (--database-url): the database file %s does not exist; `mcpkeep serve` creates it at its first start", path)
	}
	return nil
}

// checkStore returns an error if commands cannot work with this database.
func (f *keyFlags) checkStore(ctx context.Context, d *db.DB, store *repo.Repo, keys *keyring.Keyring, needKeys bool) error {
	current, err := store.SchemaIsCurrent(ctx)
	switch {
	case err != nil:
		return err
	case !current:
		return app.ErrOldSchema
	case !needKeys:
		return nil
	case keys.Primary() == "":
		return f.noKeys(ctx, d)
	}
	if err := store.KeysFit(ctx); err != nil {
		return fmt.Errorf("%s: %w", keysSetting, err)
	}
	return nil
}

// noKeys reports which keys are missing. A database without encrypted values can be read
// without keys.
func (f *keyFlags) noKeys(ctx context.Context, d *db.DB) error {
	ids, err := sealed.KeysOnRecord(ctx, d)
	if err != nil || len(ids) == 0 {
		return err
	}
	if path := f.keyFile(); path != "" {
		return fmt.Errorf("the key file %s is missing, but the database needs key %s: restore the file, or set %s",
			path, strings.Join(ids, ", "), keysSetting)
	}
	return setting.Errorf(keysVariable, "the keys that it needs: "+strings.Join(ids, ", "), "required to read this database")
}

// maySeal checks that the first configured key may encrypt: it is on record, or no key is
// and it becomes the first one.
func (a adminConsole) maySeal(ctx context.Context) error {
	ids, err := sealed.KeysOnRecord(ctx, a.db)
	switch {
	case err != nil:
		return err
	case a.keys.Primary() == "":
		return fmt.Errorf("%s: there is no key yet; set one (`mcpkeep keys generate` prints one), or start `mcpkeep serve` once", keysSetting)
	case len(ids) == 0:
		return a.store.CheckKeys(ctx, a.db.Now())
	case !slices.Contains(ids, a.keys.Primary()):
		return fmt.Errorf("%s: key %s is configured first, but no server has used it yet; put the servers' key first (%s)",
			keysSetting, a.keys.Primary(), strings.Join(ids, ", "))
	}
	return nil
}

// clearing is a writer that clears the progress line first.
type clearing struct {
	progress *progress
	io.Writer
}

func (c clearing) Write(b []byte) (int, error) {
	c.progress.end()
	return c.Writer.Write(b)
}

// widthOf returns the width of the terminal in characters, 0 if w is not a terminal.
func widthOf(w io.Writer) int {
	if !isTerminal(w) {
		return 0
	}
	file, _ := w.(*os.File)
	width, _, err := term.GetSize(int(file.Fd()))
	if err != nil {
		return 0
	}
	return width
}
