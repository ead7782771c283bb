package db

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
	"modernc.org/sqlite"

	"github.com/mcpkeep/mcpkeep/internal/db/pgtest"
)

// classes are the classes of SQLSTATE codes (PostgreSQL 18, appendix A).
const classes = `00 01 02 03 08 09 0A 0B 0F 0L 0P 0Z 10 20 21 22 23 24 25 26 27 28 2B 2D 2F 34 38 39 3B 3D 3F
	40 42 44 53 54 55 57 58 72 F0 HV P0 XX`

// TestEveryClass: what each class of errors means was decided.
func TestEveryClass(t *testing.T) {
	t.Parallel()
	for class := range strings.FieldsSeq(classes) {
		if _, ok := postgresKinds[class]; !ok {
			t.Errorf("class %s is not in the table", class)
		}
	}
	for code := range 29 { // the primary codes, up to SQLITE_WARNING
		if _, ok := sqliteKinds[code]; !ok {
			t.Errorf("SQLite's code %d is not in the table", code)
		}
	}
}

// TestClassesOfServer: the server at hand has no other class.
func TestClassesOfServer(t *testing.T) {
	t.Parallel()
	bin, err := pgtest.Binaries()
	if err != nil {
		t.Skip(err)
	}
	shared := filepath.Join(bin, "..", "share", "postgresql") // in packages without pg_config
	if out, err := exec.CommandContext(t.Context(), filepath.Join(bin, "pg_config"), "--sharedir").Output(); err == nil {
		shared = strings.TrimSpace(string(out))
	}
	list, err := os.ReadFile(filepath.Join(shared, "errcodes.txt"))
	if err != nil {
		t.Skip(err)
	}
	found := regexp.MustCompile(`(?m)^([0-9A-Z]{2})[0-9A-Z]{3}\s`).FindAllStringSubmatch(string(list), -1)
	if len(found) < 100 {
		t.Fatalf("%d codes in errcodes.txt", len(found))
	}
	for _, match := range found {
		if _, ok := postgresKinds[match[1]]; !ok {
			t.Errorf("class %s is not in the table", match[1])
		}
	}
}

// TestStates: what an administrator, a failover, a restore or a pooler brings about is
// no defect of the server.
func TestStates(t *testing.T) {
	t.Parallel()
	for want, codes := range map[Kind]string{
		Unavailable: `08000 08003 08006 08P01 0P000 25006 25P04 28000 28P01 3D000 3F000 40003 42501 42P01 42703
			53000 53100 53200 53300 54000 55000 55006 55P03 57000 57014 57P01 57P02 57P03 57P05 58000 58030 58P01 F0000 XX000 XX001 XX002`,
		Conflict:   "0A000 25P03 26000 40000 40001 40P01 42P05 72000",
		Unique:     "23505",
		ForeignKey: "23001 23503",
		NotNull:    "23502",
		Other:      "02000 22001 22021 23514 25P02 34000 42601 42804 P0001",
	} {
		for code := range strings.FieldsSeq(codes) {
			err := fmt.Errorf("wrapped: %w", &pgconn.PgError{Code: code, Message: "m"})
			if got := (&postgres{}).classify(err); got != want {
				t.Errorf("%s has kind %d, want %d", code, got, want)
			}
		}
	}
	if got := (&postgres{}).classify(&pgconn.PgError{Code: "X"}); got != Other {
		t.Errorf("a code that is none has kind %d", got)
	}
}

// TestReasonsNameNothing: what is said to anyone is one of ours, not the server's text.
func TestReasonsNameNothing(t *testing.T) {
	t.Parallel()
	for code, reason := range postgresReasons {
		err := &pgconn.PgError{Code: (code + "000")[:5], Message: "host db.internal, user secret"}
		if got := (&postgres{}).reason(err); got != reason || strings.Contains(got, "secret") {
			t.Errorf("%s: %q", code, got)
		}
	}
	d := &DB{engine: &postgres{}}
	if got := d.Reason(fmt.Errorf("op: %w", errors.Join(errMoved, &sqlite.Error{}))); got != errMoved.Error() {
		t.Errorf("reason %q", got)
	}
	if got := d.Reason(errors.New("dial tcp db.internal")); got != "" {
		t.Errorf("reason %q of an unknown error", got)
	}
}
