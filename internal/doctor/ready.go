package doctor

import (
	"context"
	"errors"
	"net/http"
	"slices"

	"github.com/mcpkeep/mcpkeep/internal/keyring"
	"github.com/mcpkeep/mcpkeep/internal/repo"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// ready asks the running server whether it is ready and whether it uses this database,
// if the proxy lets that through.
func (d *Doctor) ready(ctx context.Context) {
	a, err := d.ask(ctx, http.MethodGet, "/readyz")
	if err != nil || !slices.Contains([]string{"ready", "not ready"}, a.member("status")) {
		d.skip(areaOutside, "server_ready", "the proxy does not forward /readyz, which is fine")
		d.skip(areaOutside, "server_database", "without /readyz, the server's database cannot be compared with this one")
		return
	}
	d.judgeReady(ctx, a)
}

// judgeReady judges a server's own word.
func (d *Doctor) judgeReady(ctx context.Context, a answer) {
	if d.otherDatabase(ctx, a.member("instance")) {
		return // whether it is ready says nothing about this deployment
	}
	d.serverClock(a)
	if a.StatusCode == http.StatusOK {
		d.ok(areaOutside, "server_ready", "the running server is ready")
		return
	}
	d.add(Finding{
		Area: areaOutside, Check: "server_ready", Status: Failed, What: "the running server is not ready: " + a.member("reason"),
		Why: "It returns 503 to every request that needs the database.", Fix: "See the findings about database, schema and keys, and the server's log.",
	})
}

// otherDatabase reports whether the server at the base URL uses another database than
// this one. The server has made the id of its database by the time it shows it, so a
// database without one is not the server's.
func (d *Doctor) otherDatabase(ctx context.Context, theirs string) bool {
	const check = "server_database"
	if d.db == nil || theirs == "" {
		d.skip(areaOutside, check, "the server's database cannot be compared with this one before both are reachable")
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, databaseWait)
	defer cancel()
	ours, err := repo.New(d.db, new(keyring.Keyring)).ExistingInstanceID(ctx)
	switch {
	case d.version == 0 || errors.Is(err, storage.ErrNotFound):
	case err != nil:
		d.skip(areaOutside, check, "the id of this database cannot be read: "+oneLine(err))
		return false
	case ours == theirs:
		d.ok(areaOutside, check, "the running server uses this database")
		return false
	}
	d.add(Finding{
		Area: areaOutside, Check: check, Status: Failed, What: "another mcpkeep answers at " + d.origin + ": it does not use this database",
		Why: "Clients register and sign in there; the database and keys checked here are not theirs.",
		Fix: "Set DATABASE_URL (--database-url) to that server's database, or point MCPKEEP_BASE_URL (--base-url) and the proxy at the server that uses this one.",
	})
	return true
}
