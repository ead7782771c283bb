package doctor

import (
	"context"
	"errors"
	"fmt"

	"github.com/mcpkeep/mcpkeep/internal/db"
)

// schema compares the schema with what this program needs.
func (d *Doctor) schema(ctx context.Context) {
	if d.db == nil {
		d.behind = true
		d.skip(areaSchema, "schema_version", "the schema is unknown until the database answers")
		return
	}
	ctx, cancel := context.WithTimeout(ctx, databaseWait)
	defer cancel()
	version, err := d.db.Version(ctx)
	needed := db.NeededVersion()
	f := Finding{Area: areaSchema, Check: "schema_version", Status: OK, What: fmt.Sprintf("schema %d is up to date", version)}
	d.version, d.behind = version, err != nil || version < needed
	var refused *db.RefusedError
	switch {
	case errors.As(err, &refused):
		f.Status, f.What, f.Why, f.Fix = Failed, refused.Found, "The server cannot read the schema version.", refused.Fix
	case err != nil:
		f = Finding{Area: areaSchema, Check: "schema_version", Status: Failed, What: oneLine(err),
			Why: "The server cannot read the schema version.", Fix: "Check the user's rights; `mcpkeep migrate status` shows more."}
	case version > needed:
		f.Status, f.What = Warning, fmt.Sprintf("schema %d is newer than this program's (%d)", version, needed)
		f.Why = "A newer version has migrated the database. This version still works with it, and should be replaced soon."
		f.Fix = "Upgrade this program."
	case version < needed && d.AutoMigrate:
		f.Status, f.What = Warning, fmt.Sprintf("schema %d is older than this program's (%d)", version, needed)
		f.Why = "The server migrates at its next start; until then, commands do not work."
		f.Fix = "Start `mcpkeep serve`, or run `mcpkeep migrate up`."
	case version < needed:
		f.Status, f.What = Failed, fmt.Sprintf("schema %d is older than this program's (%d), and MCPKEEP_AUTO_MIGRATE is off", version, needed)
		f.Why = "The server is not ready until the schema is migrated."
		f.Fix = "Run `mcpkeep migrate up`."
	}
	d.add(f)
	if err == nil && d.behind {
		d.migration(ctx)
	}
}

// migration reports what `mcpkeep migrate up` would say about this database.
func (d *Doctor) migration(ctx context.Context) {
	const check = "schema_migration"
	err := d.db.CheckMigration(ctx)
	var refused *db.RefusedError
	switch {
	case err == nil:
		d.ok(areaSchema, check, "the database can be migrated")
	case errors.As(err, &refused):
		d.add(Finding{
			Area: areaSchema, Check: check, Status: Failed, What: refused.Found,
			Why: "A migration is refused before it changes anything.", Fix: refused.Fix,
		})
	default:
		d.skip(areaSchema, check, oneLine(err))
	}
}
