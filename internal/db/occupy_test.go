package db_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/mcpkeep/mcpkeep/internal/db"
)

// TestOccupy: the second server learns who has the file, until the first ends.
func TestOccupy(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "mcpkeep.db")
	release, other := db.Occupy(path, "process 1")
	if other != "" {
		t.Fatalf("a free file is in use by %q", other)
	}
	second, other := db.Occupy(path, "process 2")
	if other != "process 1" {
		t.Errorf("in use by %q", other)
	}
	second() // frees nothing
	if err := os.Truncate(path+".server", 0); err != nil {
		t.Fatal(err)
	}
	if _, other := db.Occupy(path, "process 3"); other != "another process" {
		t.Errorf("in use by %q", other)
	}
	release()
	release, other = db.Occupy(path, "process 4")
	defer release()
	if other != "" {
		t.Errorf("after the release: in use by %q", other)
	}
	if _, other := db.Occupy(filepath.Join(t.TempDir(), "missing", "x.db"), "process 5"); other != "" {
		t.Errorf("without a folder: %q", other)
	}
}
