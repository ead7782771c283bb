package app

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/mcpkeep/mcpkeep/internal/db"
)

// passwordFile is the name of the file for a password that no terminal can show.
const passwordFile = "mcpkeep.password"

// PasswordFile returns where the first password is written when no terminal can show it:
// next to the key file, or else next to the SQLite file, or else in the current directory.
func PasswordFile(keys, databaseURL string) string {
	dir := "."
	if path, isSQLite := db.IsSQLite(databaseURL); isSQLite {
		dir = filepath.Dir(path)
	}
	if path := KeyFile(keys, databaseURL); path != "" {
		dir = filepath.Dir(path)
	}
	return filepath.Join(dir, passwordFile)
}

// passwordNote is a password in a file under a name of its own, until it is known whether
// it counts: of several servers that start concurrently, one sets the password.
type passwordNote struct{ temp, path string }

// writePassword writes a password with mode 0600, durably.
func writePassword(path, password string) (n passwordNote, err error) {
	f, err := os.CreateTemp(filepath.Dir(path), "."+passwordFile+"-*")
	if err != nil {
		return n, fmt.Errorf("the first password has no terminal to be shown on, and cannot be written next to the key: %w", err)
	}
	_, err = f.WriteString(password + "\n")
	return passwordNote{temp: f.Name(), path: path}, errors.Join(err, f.Sync(), f.Close())
}

// keep gives the file its name.
func (n passwordNote) keep() error { return os.Rename(n.temp, n.path) }

// discard removes the file of a password that does not count.
func (n passwordNote) discard() { _ = os.Remove(n.temp) }
