package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/app"
	"github.com/mcpkeep/mcpkeep/internal/db"
	"github.com/mcpkeep/mcpkeep/internal/fastmcp"
	"github.com/mcpkeep/mcpkeep/internal/keyring"
	"github.com/mcpkeep/mcpkeep/internal/oldstore"
	"github.com/mcpkeep/mcpkeep/internal/repo"
	"github.com/mcpkeep/mcpkeep/internal/setting"
	"github.com/mcpkeep/mcpkeep/internal/survey"
)

// takeover is a database, the settings, and the store of FastMCP that is looked at.
type takeover struct {
	checked app.Checked
	app.Takeover
	problems []error // of the settings
	db       *db.DB
	keys     *keyring.Keyring  // those that open FastMCP's rows
	plain    bool              // rows count that are not encrypted
	names    map[string]string // of keys that are not in the settings, by their ID
	store    *repo.Repo
	theirs   repo.Foreign
	source   oldstore.Source // nil for the database
}

// open opens everything for reading.
func (c *adoptCmd) open(ctx context.Context) (*takeover, error) {
	t := &takeover{names: map[string]string{}}
	t.checked, t.problems = c.settings()
	t.Takeover = t.checked.Takeover()
	configured, err := c.configuredKeys()
	if err != nil {
		return nil, err
	}
	if t.db, err = c.openForReading(ctx); err != nil {
		return nil, err
	}
	t.store = repo.New(t.db, configured)
	t.theirs, err = c.foreign(ctx, t.db)
	if err == nil {
		t.store.ShareTables(t.theirs)
		t.keys, t.plain = t.theirs.Opening(configured), t.theirs.Plain
		if c.From != "" {
			err = c.openSource(ctx, t)
		}
	}
	if err != nil {
		t.close()
		return nil, err
	}
	return t, nil
}

// openSource opens the store of --from. The key of FastMCP's default store is derived of the
// signing key.
func (c *adoptCmd) openSource(ctx context.Context, t *takeover) error {
	if t.theirs.Named {
		return setting.Errorf("MCPKEEP_FASTMCP_TABLE", "oauth_clients, or none, with --from",
			"sessions are looked for in %s alone, and --from copies them into oauth_clients", t.theirs.Tables[0])
	}
	source, err := c.source()
	if err != nil {
		return err
	}
	cfg := oldstore.Config{Prefix: c.Prefix}
	if t.Verifier != nil {
		for _, key := range t.Verifier.Keys {
			derived, err := keyring.Parse(key.StorageKey())
			if err != nil {
				return err
			}
			t.keys = t.keys.With(derived)
			t.names[derived.Primary()] = "derived of the signing key " + key.Fingerprint()
			cfg.Fingerprints = append(cfg.Fingerprints, key.Fingerprint())
		}
	}
	cfg.Open = func(value json.RawMessage) ([]byte, error) { return fastmcp.Open(t.keys, value) }
	t.source, err = oldstore.Open(ctx, source, cfg)
	return err
}

func (t *takeover) close() {
	if t.source != nil {
		_ = t.source.Close()
	}
	if t.db != nil {
		_ = t.db.Close()
	}
}

// reader opens rows.
func (t *takeover) reader(now time.Time) survey.Reader {
	return survey.Reader{Now: now, Plain: t.plain, Open: func(value json.RawMessage) ([]byte, string, error) {
		if value == nil {
			return nil, "", fastmcp.ErrCorrupted
		}
		return fastmcp.OpenWithKey(t.keys, value)
	}}
}

// each reads the rows of the store.
func (t *takeover) each(ctx context.Context, f func(fastmcp.Row) error) error {
	if t.source != nil {
		return t.source.Each(ctx, f)
	}
	return t.eachInDatabase(ctx, f)
}

// eachInDatabase reads the rows of the tables that mcpkeep shares with FastMCP.
func (t *takeover) eachInDatabase(ctx context.Context, f func(fastmcp.Row) error) error {
	if there, err := t.anyTable(ctx); err != nil || !there {
		return err
	}
	return t.store.EachForeignRow(ctx, f)
}

// anyTable reports whether there is a table to read. Where mcpkeep never started there may be
// one of FastMCP's own alone.
func (t *takeover) anyTable(ctx context.Context) (bool, error) {
	there, err := t.db.HasClients(ctx)
	if err == nil && !there {
		alone := t.theirs
		alone.Named = true
		t.store.ShareTables(alone)
	}
	return there || len(t.theirs.Tables) > 0, err
}

// get finds one row.
func (t *takeover) get(ctx context.Context, collection, key string) (fastmcp.Row, error) {
	found := fastmcp.Row{}
	errFound := errors.New("found")
	if t.source == nil {
		there, err := t.anyTable(ctx)
		if err != nil || !there {
			return found, errors.Join(err, fastmcp.ErrNoRow)
		}
		return t.store.ForeignRow(ctx, collection, key)
	}
	err := t.source.Each(ctx, func(row fastmcp.Row) error {
		if row.Collection == collection && row.Key == key {
			found = row
			return errFound
		}
		return nil
	})
	switch {
	case errors.Is(err, errFound):
		return found, nil
	case err == nil:
		err = fastmcp.ErrNoRow
	}
	return found, err
}

// sessionsAtOnce is how many adopted sessions are read together.
const sessionsAtOnce = 1000

// markAdopted marks the sessions that were taken over, none on a database where mcpkeep never
// started.
func (t *takeover) markAdopted(ctx context.Context, s *survey.Survey) error {
	version, err := t.db.Version(ctx)
	if err != nil || version < db.NeededVersion() {
		return nil //nolint:nilerr // the report says what is wrong with the schema
	}
	for after := ""; ; {
		ids, err := t.store.AdoptedSessions(ctx, after, sessionsAtOnce)
		if err != nil {
			return err
		}
		for _, id := range ids {
			s.MarkAdopted(id)
			after = id
		}
		if len(ids) < sessionsAtOnce {
			return nil
		}
	}
}

// String says what the store is.
func (t *takeover) String() string {
	if t.source != nil {
		return t.source.String()
	}
	names := []string{fastmcp.ClientTable}
	if t.theirs.Named {
		names = nil
	}
	for _, table := range t.theirs.Tables {
		names = append(names, table.String())
	}
	return fmt.Sprintf("the table %s (%s)", strings.Join(names, " and "), t.db.Engine())
}
