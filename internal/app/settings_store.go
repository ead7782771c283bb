package app

import (
	"context"
	"errors"
	"log/slog"
	"strings"

	"github.com/mcpkeep/mcpkeep/internal/db"
	"github.com/mcpkeep/mcpkeep/internal/fastmcp"
	"github.com/mcpkeep/mcpkeep/internal/keyring"
	"github.com/mcpkeep/mcpkeep/internal/logging"
	"github.com/mcpkeep/mcpkeep/internal/repo"
)

// defaultForeign is the table of py-key-value's PostgreSQL store unless it is told another
// name.
const defaultForeign = "kv_store"

const (
	wantKeys  = "Fernet keys, or passphrase:TEXT:SALT, or plain; or file:PATH of a file with one of them"
	wantTable = "TABLE, TABLE:LAYOUT or TABLE:LAYOUT:PREFIX with the layout kv_store or oauth_clients"
)

// checkedStore is how a FastMCP server keeps its rows.
type checkedStore struct {
	keys  *keyring.Keyring // nil: the encryption keys
	plain bool
	table db.ForeignName
	named bool // by the operator, so that it must be there
	over  bool // there is no such server, or no more
}

// checkStore reads Keys and Table.
func (f FastMCP) checkStore() (checkedStore, *SettingError) {
	var c checkedStore
	var err error
	if c.keys, c.plain, err = parseStoreKeys(f.Keys); err != nil {
		return c, because("FastMCP.Keys", wantKeys, err)
	}
	c.table, c.named = db.ForeignName{Table: defaultForeign, Layout: db.LayoutCollection}, f.Table != ""
	if !c.named {
		return c, nil
	}
	parts := strings.SplitN(f.Table, ":", 3)
	c.table.Table = parts[0]
	if len(parts) > 1 {
		c.table.Layout = db.Layout(parts[1])
	}
	if len(parts) > 2 {
		c.table.Prefix = parts[2]
	}
	if !c.table.Valid() || c.table.Layout != db.LayoutCollection && c.table.Layout != db.LayoutKey {
		return c, problem("FastMCP.Table", wantTable, "%q names no table", f.Table)
	}
	return c, nil
}

// parseStoreKeys reads Fernet keys or a passphrase, and "plain" instead of them or after
// them. A passphrase may have colons and commas; its salt may not have a colon.
func parseStoreKeys(text string) (keys *keyring.Keyring, plain bool, err error) {
	const inTheClear = "plain"
	switch rest, also := strings.CutSuffix(text, ","+inTheClear); {
	case text == "":
		return nil, false, nil
	case text == inTheClear:
		return nil, true, nil
	case also:
		text, plain = strings.TrimSpace(rest), true
	}
	if secret, ok := strings.CutPrefix(text, "passphrase:"); ok {
		at := strings.LastIndex(secret, ":")
		if at <= 0 || at == len(secret)-1 {
			return nil, plain, errors.New("passphrase: is not followed by a text, a colon and a salt")
		}
		if text, err = fastmcp.PassphraseKey(secret[:at], secret[at+1:]); err != nil {
			return nil, plain, err
		}
	}
	keys, err = keyring.Parse(text)
	return keys, plain, err
}

// Foreign finds the table of a FastMCP server, besides oauth_clients, and its keys. The error
// is one of the settings, or of the database.
func (f FastMCP) Foreign(ctx context.Context, d *db.DB, log *slog.Logger) (repo.Foreign, error) {
	if problem := f.read(); problem != nil {
		return repo.Foreign{}, problem
	}
	c, problem := f.checkStore()
	if problem != nil {
		return repo.Foreign{}, problem
	}
	c.over = f.Off
	return c.find(ctx, d, log)
}

func (c checkedStore) find(ctx context.Context, d *db.DB, log *slog.Logger) (repo.Foreign, error) {
	f := repo.Foreign{Keys: c.keys, Plain: c.plain, Over: c.over}
	if c.over || c.table.Table == fastmcp.ClientTable && c.table.Prefix == "" || !c.named && d.Engine() == "sqlite" {
		return f, nil
	}
	table, err := d.FindForeignTable(ctx, c.table)
	var refused *db.RefusedError
	switch {
	case err != nil && c.named:
		return f, problem("FastMCP.Table", wantTable, "%w", err)
	case errors.As(err, &refused):
		log.WarnContext(ctx, "a table with the name of py-key-value's is not used", logging.Error, err)
	case err != nil:
		return f, err
	case table != nil:
		ours, err := d.IsClientTable(ctx, table)
		if err == nil && !ours {
			f.Tables, f.Named = []*db.ForeignTable{table}, c.named
		}
		return f, err
	case c.named:
		return f, problem("FastMCP.Table", wantTable, "there is no table %s", c.table)
	}
	return f, nil
}

// shareTables finds the tables that a FastMCP server uses as well. Without one, its keys still
// open the rows that were encrypted for it.
func (a *App) shareTables(ctx context.Context) error {
	f, err := a.checked.FastMCP.store.find(ctx, a.db, a.log)
	if err == nil {
		a.repo.ShareTables(f)
		a.theirs.Store(&f)
	}
	return err
}
