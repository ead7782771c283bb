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
	SynchronousCommit string // as for this connection
	Standby           bool   // it follows another server and takes no writes
	ReadOnly          bool   // transactions are read-only by default
	Isolation         string // of transactions by default
	Schema            string // where tables are made, "" when there is none
	MayCreate         bool   // tables, in that schema
	Unwritable        []string
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
}

// Diagnose looks at the database and changes nothing.
func (d *DB) Diagnose(ctx context.Context) (Diagnosis, error) { return d.engine.diagnose(ctx) }
