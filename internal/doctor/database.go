package doctor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/mcpkeep/mcpkeep/internal/db"
)

// oldestServer is the oldest PostgreSQL that is supported, as server_version_num.
const oldestServer = 140000

// database checks the database and opens it for the later checks.
func (d *Doctor) database(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, databaseWait)
	defer cancel()
	if d.DatabaseUnknown {
		d.skip(areaDatabase, "database_reachable", "the database is unknown until the setting can be read")
		return
	}
	if path, ok := db.IsSQLite(d.DatabaseURL); ok && path != "" && !d.fileIsThere(path) {
		return
	}
	opened, err := db.Open(ctx, d.DatabaseURL)
	if errors.Is(err, db.ErrBadURL) {
		d.unreachable("DATABASE_URL (--database-url): "+err.Error(), "Set it to sqlite:PATH, or to a PostgreSQL URL or DSN.")
		return
	}
	if err == nil {
		err = opened.Ping(ctx)
	}
	if errors.Is(err, db.ErrReadOnly) { // which the diagnosis explains
		_ = opened.Close()
		if opened, err = db.OpenToDiagnose(ctx, d.DatabaseURL); err == nil {
			err = opened.Ping(ctx)
		}
	}
	var diagnosis db.Diagnosis
	if err == nil {
		diagnosis, err = opened.Diagnose(ctx)
	}
	if err != nil {
		if opened != nil {
			_ = opened.Close()
		}
		var refused *db.RefusedError
		if errors.As(err, &refused) {
			d.unreachable(refused.Found, d.inService(sentence(refused.Fix)))
			return
		}
		d.unreachable(d.inService(oneLine(err)), "Check DATABASE_URL (--database-url) and its password, that the database runs, and that this machine can reach it.")
		return
	}
	d.db = opened
	if diagnosis.Server != nil {
		d.server(*diagnosis.Server)
	} else {
		d.file(*diagnosis.File)
	}
}

func (d *Doctor) unreachable(what, fix string) {
	d.add(Finding{
		Area: areaDatabase, Check: "database_reachable", Status: Failed, What: what,
		Why: "The server does not start without its database, and a running one returns 503.", Fix: fix,
	})
}

// fileIsThere reports whether the database file exists, without creating it.
func (d *Doctor) fileIsThere(path string) bool {
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		return true
	}
	diagnosis, err := db.DiagnoseFile(path)
	if err != nil {
		d.unreachable(oneLine(err), "Create the folder, or set DATABASE_URL (--database-url) to another path.")
		return false
	}
	d.add(Finding{
		Area: areaDatabase, Check: "database_reachable", Status: Warning, What: "the database file " + path + " does not exist",
		Why: "The server creates it at its first start. If it existed before, the path or the working directory has changed.",
		Fix: "Start `mcpkeep serve`, or set DATABASE_URL (--database-url) to the path of the existing file.",
	})
	d.file(*diagnosis.File)
	return false
}

// server checks a PostgreSQL server.
func (d *Doctor) server(s db.ServerDiagnosis) {
	if s.VersionNum < oldestServer {
		d.add(Finding{
			Area: areaDatabase, Check: "database_reachable", Status: Failed, What: "PostgreSQL " + s.Version + " is too old",
			Why: "mcpkeep supports PostgreSQL 14 and newer.", Fix: "Upgrade the PostgreSQL server.",
		})
	} else {
		d.ok(areaDatabase, "database_reachable", "PostgreSQL "+s.Version+" answers")
	}
	d.rights(s)
	d.durability(s)
	if s.Isolation != "read committed" {
		d.add(Finding{
			Area: areaDatabase, Check: "database_isolation", Status: Warning, What: "the default transaction isolation is " + s.Isolation,
			Why: "Transactions conflict more often and are retried, which is slower; under load some requests return 503.",
			Fix: "Run as this role or an administrator: " + setForRole(s, "default_transaction_isolation = 'read committed'") + ";",
		})
	} else {
		d.ok(areaDatabase, "database_isolation", "the default transaction isolation is read committed")
	}
	if s.Pooled {
		d.throughPooler()
	} else {
		d.ok(areaDatabase, "database_pooler", "connections are not pooled per transaction")
	}
	d.connections(s)
	d.databaseClock(s.Clock, s.RoundTrip)
}

// throughPooler: all works but migrations.
func (d *Doctor) throughPooler() {
	if d.MigrateURL != "" || !d.AutoMigrate {
		d.ok(areaDatabase, "database_pooler", db.ThroughPooler+"; migrations use another connection")
		return
	}
	d.add(Finding{
		Area: areaDatabase, Check: "database_pooler", Status: Warning, What: db.ThroughPooler,
		Why: "A migration needs a direct connection: after an upgrade with a new schema the server does not start.", Fix: db.PoolerFix,
	})
}

// rights checks whether this user may write to the database.
func (d *Doctor) rights(s db.ServerDiagnosis) {
	f := Finding{Area: areaDatabase, Check: "database_writable", Status: Failed}
	switch {
	case s.Standby:
		f.What = "the server is a standby, which is read-only"
		f.Why = "Registration, sign-in and refresh fail."
		f.Fix = "Set DATABASE_URL to the primary, or list all hosts: the server uses one that takes writes."
	case s.ReadOnly:
		f.What = "transactions are read-only by default"
		f.Why = "Registration, sign-in and refresh fail."
		f.Fix = "Make room first if the provider set this because the disk is full. Run as this role or an administrator: " +
			setForRole(s, "default_transaction_read_only = off") + ";"
	case s.NoSchema != nil && len(s.ServeGrants) == 0:
		f.What = s.NoSchema.Found
		f.Why = "Tables can be neither found nor created."
		f.Fix = sentence(s.NoSchema.Fix)
	default:
		d.tableRights(&f, s)
	}
	d.add(f)
}

// setForRole is the statement that sets a parameter for this role in this database, where it
// outranks the settings of either and of the server.
func setForRole(s db.ServerDiagnosis, assignment string) string {
	return "ALTER ROLE " + s.Role + " IN DATABASE " + s.Database + " SET " + assignment
}

// tableRights judges a role in a schema that is there. Its fix has all statements that
// the role needs for what it does here, as `mcpkeep migrate grants` prints them.
func (d *Doctor) tableRights(f *Finding, s db.ServerDiagnosis) {
	migrates := d.AutoMigrate && d.MigrateURL == ""
	statements := s.ServeGrants
	if migrates {
		statements = append(slices.Clone(s.MigrateGrants), statements...)
	}
	f.Fix = "Run as the owner of the tables or as an administrator: " + strings.Join(statements, "; ") + ";"
	if migrates {
		f.Fix += " Or let another role migrate: set MCPKEEP_MIGRATE_DATABASE_URL to its URL, or MCPKEEP_AUTO_MIGRATE=false and run `mcpkeep migrate up` with it."
	}
	switch {
	case len(s.Unwritable) > 0:
		f.What = "this user may not read and write " + strings.Join(s.Unwritable, ", ")
		f.Why = "Requests that need these tables fail."
	case !migrates:
		f.Status, f.What, f.Fix = OK, "this user may write; another user migrates", ""
	case len(s.Foreign) > 0:
		f.What = "this user may not alter " + strings.Join(s.Foreign, ", ")
		if !s.MayCreate {
			f.What = "this user may not create tables in schema " + s.Schema + ", and not alter " + strings.Join(s.Foreign, ", ")
		}
		f.Why = "It cannot migrate: after an upgrade with a new schema the server does not start."
	case !s.MayCreate:
		f.Status = Warning
		f.What = "this user may not create tables in schema " + s.Schema
		f.Why = "It cannot migrate: a new version with a new schema would not become ready."
	default:
		f.Status, f.What, f.Fix = OK, "this user may write and migrate", ""
	}
}

// connections compares the pool with what the server has.
func (d *Doctor) connections(s db.ServerDiagnosis) {
	const check = "database_connections"
	switch {
	case s.Pooled:
		d.ok(areaDatabase, check, fmt.Sprintf("up to %d connections to the pooler", s.PoolSize))
	case s.PoolSize+1 > s.MaxConnections:
		d.add(Finding{
			Area: areaDatabase, Check: check, Status: Warning,
			What: fmt.Sprintf("a replica opens up to %d connections, and one more to migrate, but the server has %d for this role", s.PoolSize, s.MaxConnections),
			Why:  "Under load, requests wait for a connection of the pool, and other programs get none.",
			Fix:  fmt.Sprintf("Set MCPKEEP_DATABASE_MAX_CONNS so that replicas × its value + 1 is at most %d, or raise max_connections.", s.MaxConnections),
		})
	case d.MaxInstances*s.PoolSize+1 > s.MaxConnections:
		d.tooManyInstances(s)
	case d.MaxInstances > 0:
		d.ok(areaDatabase, check, fmt.Sprintf("%s with up to %d connections, and one to migrate; the server has %d",
			number(d.MaxInstances, "instance", "instances"), s.PoolSize, s.MaxConnections))
	default:
		d.ok(areaDatabase, check, fmt.Sprintf("up to %d connections a replica; the server has %d, enough for %d replicas and a migration",
			s.PoolSize, s.MaxConnections, (s.MaxConnections-1)/s.PoolSize))
	}
}

// durability checks whether committed data survives a crash.
func (d *Doctor) durability(s db.ServerDiagnosis) {
	var off []string
	if !s.FSync {
		off = append(off, "fsync")
	}
	if !s.FullPageWrites {
		off = append(off, "full_page_writes")
	}
	if s.SynchronousCommit == "off" {
		off = append(off, "synchronous_commit")
	}
	if len(off) == 0 {
		d.ok(areaDatabase, "database_durability", "committed data is on disk")
		return
	}
	d.add(Finding{
		Area: areaDatabase, Check: "database_durability", Status: Warning, What: strings.Join(off, ", ") + " is off",
		Why: "If the database server crashes, committed registrations and refreshes may be lost, and those clients have to sign in again.",
		Fix: fmt.Sprintf("ALTER SYSTEM SET %s = on; SELECT pg_reload_conf(); or reset the setting of the role or database.", strings.Join(off, " = on; ALTER SYSTEM SET ")),
	})
}

// file checks an SQLite file.
func (d *Doctor) file(f db.FileDiagnosis) {
	if f.Mode != 0 {
		d.ok(areaDatabase, "database_reachable", "SQLite file "+f.Path+" can be opened")
	}
	if !f.FolderWritable {
		refused := db.UnwritableFolder(filepath.Dir(f.Path))
		d.add(Finding{
			Area: areaDatabase, Check: "database_writable", Status: Failed, What: refused.Found,
			Why: "SQLite keeps its write-ahead log next to the file.", Fix: sentence(refused.Fix),
		})
	} else {
		d.ok(areaDatabase, "database_writable", "the folder is writable")
	}
	if others := f.Mode.Perm() & 0o077; others != 0 {
		d.add(Finding{
			Area: areaDatabase, Check: "database_mode", Status: Warning, What: fmt.Sprintf("other users may open %s (mode %04o)", f.Path, f.Mode.Perm()),
			Why: "It contains hashes and encrypted values that only the server needs.", Fix: "chmod 600 " + f.Path,
		})
	} else if f.Mode != 0 {
		d.ok(areaDatabase, "database_mode", "only the owner may open the file")
	}
	if risk := f.Exposure(); risk != nil {
		d.add(Finding{Area: areaDatabase, Check: "database_owner", Status: Warning, What: risk.What, Why: risk.Why, Fix: risk.Fix})
	} else {
		d.ok(areaDatabase, "database_owner", "no other user can change the file or replace it")
	}
	d.fileSystem(f)
}

func (d *Doctor) fileSystem(f db.FileDiagnosis) {
	risk := f.Risk()
	if risk == nil {
		d.ok(areaDatabase, "database_file_system", "the file appears to be on a persistent local disk")
		return
	}
	finding := Finding{Area: areaDatabase, Check: "database_file_system", Status: Warning, What: risk.What, Why: risk.Why, Fix: risk.Fix}
	if f.Ephemeral() && d.RefuseEphemeral {
		finding.Status, finding.Why = Failed, risk.Why+" On Cloud Run, the server does not start."
		finding.Fix += " To start anyway, set MCPKEEP_ALLOW_EPHEMERAL=true."
	}
	d.add(finding)
}

// sentence starts a fix with a capital letter and ends it with a period.
func sentence(fix string) string {
	if fix == "" {
		return ""
	}
	return strings.ToUpper(fix[:1]) + strings.TrimSuffix(fix[1:], ".") + "."
}

// oneLine folds an error into one line.
func oneLine(err error) string { return strings.Join(strings.Fields(err.Error()), " ") }
