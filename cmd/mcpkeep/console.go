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

	"github.com/mcpkeep/mcpkeep/internal/db"
	"github.com/mcpkeep/mcpkeep/internal/keyring"
	"github.com/mcpkeep/mcpkeep/internal/operator"
	"github.com/mcpkeep/mcpkeep/internal/repo"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// commandOpenFor is how long an operator waits for a database that does not answer.
const commandOpenFor = 5 * time.Second

// jsonFlag is of commands that programs use too.
type jsonFlag struct {
	JSON bool `name:"json" help:"Print JSON."`
}

// yesFlag is of commands that ask first.
type yesFlag struct {
	Yes bool `name:"yes" help:"Do not ask."`
}

// confirm asks whether to do what the text says.
func (f yesFlag) confirm(ctx context.Context, std streams) func(what string) error {
	return func(what string) error {
		if f.Yes || confirmed(ctx, std, what+" Type yes to go on: ") {
			return nil
		}
		return errNotConfirmed
	}
}

// desk is an operator's place of work over an open database.
type desk struct {
	*operator.Console
	db    *db.DB
	keys  *keyring.Keyring
	store *repo.Repo
}

// withDesk opens the database and the keys for an operator's command. It makes
// neither a database nor a key, and records none.
func (f *keyFlags) withDesk(
	ctx context.Context, std streams, json bool, yes yesFlag, do func(context.Context, desk) error,
) error {
	return f.openDesk(ctx, std, json, yes, true, do)
}

func (f *keyFlags) openDesk(
	ctx context.Context, std streams, json bool, yes yesFlag, needKeys bool, do func(context.Context, desk) error,
) error {
	d, err := f.openExisting(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = d.Close() }()
	keys := new(keyring.Keyring)
	if needKeys {
		if keys, err = f.configuredKeys(); err != nil {
			return err
		}
	}
	store := repo.New(d, keys)
	if err := f.checkStore(ctx, d, store, keys, needKeys); err != nil {
		return err
	}
	p := newProgress(std)
	defer p.end()
	err = do(storage.WithActor(ctx, storage.Actor{Name: storage.ActorOperator}), desk{
		db: d, keys: keys, store: store,
		Console: &operator.Console{
			Store: store, Out: clearing{p, std.out}, Err: clearing{p, std.err}, JSON: json, Width: widthOf(std.out),
			Tell: p.tell, Confirm: func(what string) error {
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

// openExisting opens the database, which a server has made.
func (f *databaseFlags) openExisting(ctx context.Context) (*db.DB, error) {
	if err := f.exists(); err != nil {
		return nil, err
	}
	return f.openDatabase(ctx, slog.New(slog.DiscardHandler), commandOpenFor)
}

// exists refuses an SQLite file that is not there, since to open one makes it: whoever
// mistyped the path would be shown an empty database, and find a stray one later.
func (f *databaseFlags) exists() error {
	path, ok := db.IsSQLite(f.DatabaseURL)
	if !ok || path == "" {
		return nil
	}
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("DATABASE_URL (--database-url): there is no database file %s; `mcpkeep serve` makes one at its first start", path)
	}
	return nil
}

// checkStore says why commands cannot work with this database.
func (f *keyFlags) checkStore(ctx context.Context, d *db.DB, store *repo.Repo, keys *keyring.Keyring, needKeys bool) error {
	current, err := store.SchemaIsCurrent(ctx)
	switch {
	case err != nil:
		return err
	case !current:
		return errOldSchema
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

// noKeys says which keys are missing. A database in which nothing is sealed yet
// needs none to be looked at.
func (f *keyFlags) noKeys(ctx context.Context, d *db.DB) error {
	ids, err := repo.KeysOnRecord(ctx, d)
	if err != nil || len(ids) == 0 {
		return err
	}
	if path := f.keyFile(); path != "" {
		return fmt.Errorf("the key file %s is missing, and the database needs key %s: bring the file back, or set %s",
			path, strings.Join(ids, ", "), keysSetting)
	}
	return usagef("%s: required: the database needs key %s", keysSetting, strings.Join(ids, ", "))
}

// maySeal makes sure that the first configured key may seal something: that it is on
// record, or that there is none and it becomes the first one.
func (d desk) maySeal(ctx context.Context) error {
	ids, err := repo.KeysOnRecord(ctx, d.db)
	switch {
	case err != nil:
		return err
	case d.keys.Primary() == "":
		return fmt.Errorf("%s: there is no key yet; set one (make it with `mcpkeep keys generate`), or start `mcpkeep serve` once", keysSetting)
	case len(ids) == 0:
		return d.store.CheckKeys(ctx, time.Now())
	case !slices.Contains(ids, d.keys.Primary()):
		return fmt.Errorf("%s: key %s comes first here, but no server has been started with it yet; want the servers' key first (%s)",
			keysSetting, d.keys.Primary(), strings.Join(ids, ", "))
	}
	return nil
}

// clearing is a writer that clears a line of progress first.
type clearing struct {
	progress *progress
	io.Writer
}

func (c clearing) Write(b []byte) (int, error) {
	c.progress.end()
	return c.Writer.Write(b)
}

// widthOf is how many characters a line of the terminal has, 0 when w is none.
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
