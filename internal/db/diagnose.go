package db

import (
	"context"
	"io/fs"
	"time"
)

// Diagnosis is what an operator should know of a database: one of the two.
type Diagnosis struct {
	Server *ServerDiagnosis // PostgreSQL
	File   *FileDiagnosis   // SQLite
}

// ServerDiagnosis is about a PostgreSQL server and how it is reached.
type ServerDiagnosis struct {
	Version           string // such as "16.4"
	VersionNum        int    // such as 160004
	FSync             bool
	FullPageWrites    bool
	SynchronousCommit string        // as for this connection
	Standby           bool          // it follows another server and takes no writes
	ReadOnly          bool          // transactions are read-only by default
	Isolation         string        // of transactions by default
	Database          string        // its name, quoted where SQL wants it
	Role              string        // that this connection works as, quoted where SQL wants it
	Schema            string        // where tables are made, "" when there is none
	QuotedSchema      string        // the same, quoted where SQL wants it
	NoSchema          *RefusedError // what CheckMigration says then
	MayCreate         bool          // tables, in that schema
	Unwritable        []string      // tables that this role may not use as a server does
	Foreign           []string      // tables that this role may not alter, and whose they are
	ServeGrants       []string      // the statements of DB.Grants for this role
	MigrateGrants     []string
	PoolSize          int // how many connections this process may open
	MaxConnections    int // how many the server has for this role and database
	// Pooled: what a connection says outside of a transaction goes to one server
	// process and then to another, as behind a pooler in transaction mode.
	Pooled bool
	// Clock is how far the server's clock is ahead of this machine's, give or take
	// half of RoundTrip.
	Clock     time.Duration
	RoundTrip time.Duration
}

// FileDiagnosis is about an SQLite file and the folder that it is in.
type FileDiagnosis struct {
	Path           string
	Mode           fs.FileMode // 0 when there is no file
	FolderWritable bool
	// FileSystem is what the file is on, such as "tmpfs", where that is known and
	// matters; Lost says that it goes away with the container or the machine,
	// Network that locks and syncs on it cannot be relied on.
	FileSystem    string
	Lost, Network bool
	exposed       []string // see Exposure
	exposedFix    string
	OnRoot        bool // on the root file system, which in a container is its own layer
}

// Risk is what may happen to an SQLite file where it is, and what to do.
type Risk struct{ What, Why, Fix string }

// Ephemeral reports whether the file goes away with a container.
func (f *FileDiagnosis) Ephemeral() bool { return f.Lost || f.OnRoot }

// Risk returns what threatens the file, nil if nothing is known.
func (f *FileDiagnosis) Risk() *Risk {
	switch {
	case f.Lost:
		return &Risk{
			What: f.Path + " is on " + f.FileSystem + ", which is lost with the container or the machine",
			Why:  "Each deployment loses all clients and sign-ins.",
			Fix:  "Put it on a persistent volume, such as DATABASE_URL=sqlite:/data/mcpkeep.db, or use PostgreSQL.",
		}
	case f.Network:
		return &Risk{
			What: f.Path + " is on a network file system (" + f.FileSystem + ")",
			Why:  "SQLite relies on locks and syncs that network file systems do not guarantee: the file may be corrupted.",
			Fix:  "Put it on a local persistent disk, or use PostgreSQL.",
		}
	}
	return nil
}

// Diagnose looks at the database and changes nothing.
func (d *DB) Diagnose(ctx context.Context) (Diagnosis, error) { return d.engine.diagnose(ctx) }
