//go:build unix

package keyring_test

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mcpkeep/mcpkeep/internal/keyring"
)

func TestReadFileMode(t *testing.T) {
	t.Parallel()
	everyoneReads := os.Geteuid() != 0 // as root, this is how secrets are mounted
	for mode, refused := range map[fs.FileMode]bool{
		0o600: false, 0o400: false, 0o700: false, 0o640: false, 0o440: false,
		0o644: everyoneReads, 0o604: everyoneReads, 0o620: true, 0o602: true, 0o666: true,
	} {
		t.Run(fmt.Sprintf("%04o", mode), func(t *testing.T) {
			t.Parallel()
			path := keyFile(t, specKey)
			if err := os.Chmod(path, mode); err != nil {
				t.Fatal(err)
			}
			spec, err := keyring.ReadFile(path)
			switch want := fmt.Sprintf("key file %s: mode %04o lets ", path, mode); {
			case !refused && (err != nil || spec != specKey):
				t.Errorf("got %q, %v", spec, err)
			case refused && (err == nil || !strings.HasPrefix(err.Error(), want) || spec != ""):
				t.Errorf("got %q, %v; want %s", spec, err, want)
			}
		})
	}
}

func TestCreateFileMode(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "mcpkeep.key")
	if _, err := keyring.CreateFile(path); err != nil {
		t.Fatal(err)
	}
	if mode := stat(t, path).Mode(); mode != 0o600 {
		t.Errorf("the file has mode %v", mode)
	}
}
