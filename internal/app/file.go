package app

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/db"
)

// checkFile warns about an SQLite file that may be lost, and refuses it where the host
// says so.
func (a *App) checkFile(ctx context.Context) error {
	s := a.checked.settings
	path, isSQLite := db.IsSQLite(s.databaseURL())
	if !isSQLite || path == "" {
		return nil
	}
	diagnosis, err := db.DiagnoseFile(path)
	if err != nil {
		return nil //nolint:nilerr // opening the file says what is wrong
	}
	f := diagnosis.File
	if a.host.RefuseEphemeral && f.Ephemeral() {
		e := problem("DatabaseURL", "", "%s is lost with the container: on Cloud Run, each deployment and each restart loses all clients and sign-ins; "+
			"use PostgreSQL, put the file on a volume, or set MCPKEEP_ALLOW_EPHEMERAL=true", f.Path)
		e.Environment = true
		return e
	}
	if risk := f.Exposure(); risk != nil {
		a.log.WarnContext(ctx, "other users can change the database file", "what", risk.What, "why", risk.Why, "fix", risk.Fix)
	}
	if risk := f.Risk(); risk != nil {
		a.log.WarnContext(ctx, "the database file may be lost", "what", risk.What, "why", risk.Why, "fix", risk.Fix)
	}
	return nil
}

// occupy marks the SQLite file as in use, and says who else uses it.
func (a *App) occupy(ctx context.Context) {
	a.release = func() {}
	path, isSQLite := db.IsSQLite(a.checked.settings.databaseURL())
	if !isSQLite || path == "" {
		return
	}
	name, _ := os.Hostname()
	var other string
	a.release, other = db.Occupy(path, fmt.Sprintf("process %d on %s, since %s", os.Getpid(), name, a.started.UTC().Format(time.RFC3339)))
	if other != "" {
		a.log.WarnContext(ctx, "another server uses this database file", "file", path, "server", other,
			"fix", "Stop one of them, or use PostgreSQL for several servers.")
	}
}
