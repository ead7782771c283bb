package doctor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/mcpkeep/mcpkeep/internal/db"
)

// oldestServer is the oldest PostgreSQL that is supported, as server_version_num.
const oldestServer = 140000

// database looks at the database, and opens it for what comes after.
func (d *Doctor) database(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, databaseWait)
	defer cancel()
	if path, ok := db.IsSQLite(d.DatabaseURL); ok && path != "" && !d.fileIsThere(path) {
		return
	}
	opened, err := db.Open(ctx, d.DatabaseURL)
	if errors.Is(err, db.ErrBadURL) {
		d.unreachable("DATABASE_URL (--database-url): "+err.Error(), "Give sqlite:PATH, or a PostgreSQL URL or DSN.")
		return
	}
	if err == nil {
		err = opened.Ping(ctx)
	}
	var diagnosis db.Diagnosis
	if err == nil {
		diagnosis, err = opened.Diagnose(ctx)
	}
	if err != nil {
		if opened != nil {
			_ = opened.Close()
		}
		d.unreachable(oneLine(err), "Check DATABASE_URL (--database-url), that the database runs, that this machine may reach it, and the password.")
		return
	}
	d.db = opened
	if diagnosis.Server != nil {
		d.server(*diagnosis.Server)
	} else {
		d.file(*diagnosis.File)
	}
}

func (d *Doctor) unreachable(what, mend string) {
	d.add(Finding{
		Area: areaDatabase, Check: "database_reachable", Status: Failed, What: what,
		Why: "Without its database the server does not start, and a running one answers 503.", Mend: mend,
	})
}

// fileIsThere looks at where a database file would be made, and does not make one.
func (d *Doctor) fileIsThere(path string) bool {
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		return true
	}
	diagnosis, err := db.DiagnoseFile(path)
	if err != nil {
		d.unreachable(oneLine(err), "Make the folder, or give another path by DATABASE_URL (--database-url).")
		return false
	}
	d.add(Finding{
		Area: areaDatabase, Check: "database_reachable", Status: Warning, What: "there is no database file " + path + " yet",
		Why:  "The server makes one at its first start. If it was there before, the path or the folder is another one now.",
		Mend: "Start `mcpkeep serve`, or give the path of the one there was by DATABASE_URL (--database-url).",
	})
	d.file(*diagnosis.File)
	return false
}

// server judges a PostgreSQL server.
func (d *Doctor) server(s db.ServerDiagnosis) {
	if s.VersionNum < oldestServer {
		d.add(Finding{
			Area: areaDatabase, Check: "database_reachable", Status: Failed, What: "PostgreSQL " + s.Version + " is too old",
			Why: "PostgreSQL 14 and newer are supported.", Mend: "Upgrade the server.",
		})
	} else {
		d.ok(areaDatabase, "database_reachable", "PostgreSQL "+s.Version+" answers")
	}
	d.rights(s)
	d.durability(s)
	if s.Isolation != "read committed" {
		d.add(Finding{
			Area: areaDatabase, Check: "database_isolation", Status: Warning, What: "transactions are " + s.Isolation + " by default",
			Why:  "They conflict more often and are run again, which is slower; under load some end in 503.",
			Mend: "ALTER DATABASE … SET default_transaction_isolation = 'read committed'.",
		})
	} else {
		d.ok(areaDatabase, "database_isolation", "transactions are read committed")
	}
	if s.Pooled {
		d.add(Finding{
			Area: areaDatabase, Check: "database_pooler", Status: Failed,
			What: "a connection pooler in transaction mode is between here and the server",
			Why:  "Migrations and key records are guarded by a lock of the session, and statements are prepared in it: with such a pooler two replicas may migrate at once, and statements are not found.",
			Mend: "Give the server's own address in DATABASE_URL, or put the pooler into session mode.",
		})
	} else {
		d.ok(areaDatabase, "database_pooler", "connections are the server's own")
	}
	d.judgeClock("clock_database", "the database server's clock", s.Clock, s.RoundTrip/2)
}

// rights says whether the database takes writes from this user.
func (d *Doctor) rights(s db.ServerDiagnosis) {
	f := Finding{Area: areaDatabase, Check: "database_writable", Status: Failed}
	switch {
	case s.Standby:
		f.What = "the server is a standby, which takes no writes"
		f.Why = "Nobody can register, sign in or refresh."
		f.Mend = "Give the primary's address in DATABASE_URL; with several hosts add target_session_attrs=read-write."
	case s.ReadOnly:
		f.What = "transactions are read-only by default"
		f.Why = "Nobody can register, sign in or refresh."
		f.Mend = "ALTER ROLE … or ALTER DATABASE … SET default_transaction_read_only = off; some providers set it when the disk is full."
	case s.Schema == "":
		f.What = "there is no schema in which tables could be made: search_path names none that is there"
		f.Why = "Tables are neither found nor made."
		f.Mend = "CREATE SCHEMA …, or set search_path in DATABASE_URL."
	case !s.MayCreate:
		f.Status = Warning
		f.What = "this user may not make tables in the schema " + s.Schema
		f.Why = "It cannot migrate: the next version with a new schema will not be ready."
		f.Mend = "GRANT CREATE ON SCHEMA " + s.Schema + " TO …, or run `mcpkeep migrate up` as another user and set MCPKEEP_AUTO_MIGRATE=false."
	default:
		f.Status, f.What = OK, "this user may write and migrate"
	}
	if len(s.Unwritable) > 0 && f.Status != Failed {
		f.Status = Failed
		f.What = "this user may not read and write " + strings.Join(s.Unwritable, ", ")
		f.Why = "Whatever needs these tables fails."
		f.Mend = "GRANT SELECT, INSERT, UPDATE, DELETE ON " + strings.Join(s.Unwritable, ", ") + " TO …"
	}
	d.add(f)
}

// durability says whether what was acknowledged survives a crash.
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
		d.ok(areaDatabase, "database_durability", "what is acknowledged is on disk")
		return
	}
	d.add(Finding{
		Area: areaDatabase, Check: "database_durability", Status: Warning, What: strings.Join(off, ", ") + " is off",
		Why:  "After a crash of the server, registrations and refreshes that were acknowledged may be lost, and their clients have to sign in again.",
		Mend: fmt.Sprintf("ALTER SYSTEM SET %s = on; SELECT pg_reload_conf(); or take the setting back for the role or database.", strings.Join(off, " = on; ALTER SYSTEM SET ")),
	})
}

// file judges an SQLite file.
func (d *Doctor) file(f db.FileDiagnosis) {
	if f.Mode != 0 {
		d.ok(areaDatabase, "database_reachable", "SQLite file "+f.Path+" opens")
	}
	if !f.FolderWritable {
		d.add(Finding{
			Area: areaDatabase, Check: "database_writable", Status: Failed, What: "the folder of " + f.Path + " cannot be written to",
			Why: "SQLite keeps its log beside the file.", Mend: "Give the folder to the user that runs the server (chown), or mount it writable.",
		})
	} else {
		d.ok(areaDatabase, "database_writable", "the folder can be written to")
	}
	if others := f.Mode.Perm() & 0o077; others != 0 {
		d.add(Finding{
			Area: areaDatabase, Check: "database_mode", Status: Warning, What: fmt.Sprintf("others may open %s (mode %04o)", f.Path, f.Mode.Perm()),
			Why: "It holds hashes and sealed values; nobody but the server needs it.", Mend: "chmod 600 " + f.Path,
		})
	} else if f.Mode != 0 {
		d.ok(areaDatabase, "database_mode", "only its owner may open it")
	}
	d.fileSystem(f)
}

func (d *Doctor) fileSystem(f db.FileDiagnosis) {
	finding := Finding{Area: areaDatabase, Check: "database_file_system", Status: Warning}
	switch {
	case f.Lost:
		finding.What = f.Path + " is on " + f.FileSystem + ", which goes away with the container or the machine"
		finding.Why = "Every client and every sign-in is lost with it, at each deployment."
		finding.Mend = "Put it on a volume that stays, by DATABASE_URL=sqlite:/data/mcpkeep.db; or use PostgreSQL."
	case f.Network:
		finding.What = f.Path + " is on a network file system (" + f.FileSystem + ")"
		finding.Why = "Locks and syncs there are not what SQLite relies on: the file may be damaged."
		finding.Mend = "Put it on a local disk that stays, or use PostgreSQL."
	default:
		d.ok(areaDatabase, "database_file_system", "it is on a disk that stays, as far as can be seen")
		return
	}
	d.add(finding)
}

// oneLine folds an error into one line.
func oneLine(err error) string { return strings.Join(strings.Fields(err.Error()), " ") }
