package oldstore_test

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/gomodule/redigo/redis"

	"github.com/mcpkeep/mcpkeep/internal/fastmcp"
	"github.com/mcpkeep/mcpkeep/internal/oldstore"
)

// prefixed is a copy of a golden directory whose collections have a prefix.
func (g golden) prefixed(t *testing.T, prefix string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(g.dir)); err != nil {
		t.Fatal(err)
	}
	var renamed int
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.Name() == "cache.db":
			renamed++
			return rename(path, prefix)
		}
		for _, collection := range fastmcp.Collections() {
			if d.IsDir() && fastmcp.NamedFor(d.Name(), collection) {
				renamed++
				if err := os.Rename(path, filepath.Join(filepath.Dir(path), prefix+collection)); err != nil {
					return err
				}
				return filepath.SkipDir
			}
		}
		return nil
	})
	if err != nil || renamed == 0 {
		t.Fatal(renamed, err)
	}
	return dir
}

// rename puts a prefix before the keys in diskcache's file.
func rename(path, prefix string) error {
	d, err := sql.Open("sqlite", path)
	if err == nil {
		_, err = d.ExecContext(context.Background(), "UPDATE Cache SET key = $1 || key", prefix)
		err = errors.Join(err, d.Close())
	}
	return err
}

// TestPrefix: where collections have a prefix, those with it are read, and only those.
func TestPrefix(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"2.14.7-directory", "4.2.3-directory", "2.14.7-redis"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := readGolden(t, name)
			var source string
			if plain := g.source(t); plain == g.dir {
				source = g.prefixed(t, "hub*__")
			} else {
				source = prefixedRedis(t, plain, "hub*__")
			}
			want := len(rows(t, g.open(t, g.source(t))))
			for prefix, rowsOf := range map[string]int{"hub*": want, "": 0, "hub": 0, "hub*_": 0} {
				c := g.config()
				c.Prefix = prefix
				s, err := oldstore.Open(t.Context(), source, c)
				if err != nil {
					t.Fatal(err)
				}
				found := rows(t, s)
				if err := s.Close(); err != nil {
					t.Error(err)
				}
				if _, known := found[fastmcp.RowKey(fastmcp.ClientCollection, g.ClientID)]; len(found) != rowsOf || known != (rowsOf > 0) {
					t.Errorf("%q: %d rows, with the client: %t; want %d", prefix, len(found), known, rowsOf)
				}
			}
		})
	}
}

// prefixedRedis renames the keys of a server.
func prefixedRedis(t *testing.T, url, prefix string) string {
	t.Helper()
	conn, err := redis.DialURL(url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	keys, err := redis.Strings(conn.Do("KEYS", "mcp-*"))
	if err != nil || len(keys) == 0 {
		t.Fatal(keys, err)
	}
	for _, key := range keys {
		if _, err := conn.Do("RENAME", key, prefix+key); err != nil {
			t.Fatal(err)
		}
	}
	return url
}
