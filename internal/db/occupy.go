package db

import (
	"os"
	"strings"
)

// Occupy marks an SQLite file as in use by a server until release is called or this
// process ends. who describes the server, for the next one. If another server has the
// file, other is its description, or "another process" if that cannot be read. A folder
// that has no room for the mark tells nothing.
func Occupy(path, who string) (release func(), other string) {
	mark := markOf(path)
	locked, err := mark.TryLock()
	switch {
	case err != nil:
		return func() {}, ""
	case !locked:
		const longest = 200
		said, _ := os.ReadFile(mark.Path())
		text := strings.TrimSpace(string(said[:min(len(said), longest)]))
		if text == "" {
			text = "another process"
		}
		return func() {}, text
	}
	_ = os.WriteFile(mark.Path(), []byte(who+"\n"), 0o600) // only words for the next one
	return func() { _ = mark.Unlock() }, ""
}
