package oldstore_test

import (
	"crypto/sha256"
	"encoding/json"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gomodule/redigo/redis"

	"github.com/mcpkeep/mcpkeep/internal/db/dbtest"
	"github.com/mcpkeep/mcpkeep/internal/fastmcp"
)

func storageHash(data []byte) []byte {
	sum := sha256.Sum256(data)
	return []byte(strings.ToUpper(string(jsonOf(sum))))
}

func jsonOf(v any) []byte {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return text
}

// source is the store of a golden directory, or a Redis server that holds it.
func (g golden) source(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(g.dir, "redis.json"))
	if err != nil {
		return g.dir
	}
	var values map[string]string
	if err := json.Unmarshal(text, &values); err != nil {
		t.Fatal(err)
	}
	url := redisServer(t)
	conn, err := redis.DialURL(url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	values["another-application::key"] = "{}"
	values["mcp-notes"] = "not a row"
	for key, value := range values {
		if _, err := conn.Do("SET", key, value); err != nil {
			t.Fatal(err)
		}
	}
	return url
}

// redisServer starts a Redis server that ends with the test.
func redisServer(t *testing.T) string {
	t.Helper()
	program, err := exec.LookPath("redis-server")
	if err != nil {
		if os.Getenv("MCPKEEP_REQUIRE_REDIS") != "" {
			t.Fatal("Redis is required: scripts/redis.sh installs it")
		}
		t.Skip("no Redis: scripts/redis.sh installs it")
	}
	socket, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := socket.Addr().String()
	_ = socket.Close()
	_, port, _ := net.SplitHostPort(address)
	cmd := exec.CommandContext(t.Context(), program, "--bind", "127.0.0.1", "--port", port, "--save", "", "--appendonly", "no", "--dir", t.TempDir(), "--requirepass", "secret")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	for range 500 {
		if conn, err := net.Dial("tcp", address); err == nil {
			_ = conn.Close()
			return "redis://:secret@" + address + "/0"
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Fatal("Redis does not listen")
	return ""
}

// TestRedisPassword: the password is in no text about the store.
func TestRedisPassword(t *testing.T) {
	t.Parallel()
	g := readGolden(t, "2.14.7-redis")
	s := g.open(t, g.source(t))
	if strings.Contains(s.String(), "secret") || !strings.HasPrefix(s.String(), "Redis at 127.0.0.1:") {
		t.Errorf("%q", s)
	}
}

// TestDiskModes: a long value in a file is read, inside of the directory only, and a pickled
// one is counted and not unpickled.
func TestDiskModes(t *testing.T) {
	t.Parallel()
	g := readGolden(t, "2.13.0-directory")
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(filepath.Join(g.dir, "oauth-proxy"))); err != nil {
		t.Fatal(err)
	}
	client := fastmcp.RowKey(fastmcp.ClientCollection, g.ClientID)
	want := rows(t, g.open(t, dir))[client]
	if want.Value == nil {
		t.Fatal("no client")
	}
	entry := string(jsonOf(map[string]any{"value": want.Value}))
	outside := filepath.Join(filepath.Dir(dir), "outside.val")
	for path, text := range map[string]string{filepath.Join(dir, "long.val"): entry, outside: entry} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() { _ = os.Remove(outside) })
	for name, tt := range map[string]struct {
		set  string
		read bool
	}{
		"text file":     {"mode = 3, filename = 'long.val', value = NULL", true},
		"binary file":   {"mode = 2, filename = 'long.val', value = NULL", true},
		"missing file":  {"mode = 3, filename = 'gone.val', value = NULL", false},
		"outside":       {"mode = 3, filename = '../outside.val', value = NULL", false},
		"absolute":      {"mode = 3, filename = '" + outside + "', value = NULL", false},
		"pickled":       {"mode = 4, filename = NULL, value = X'80059504000000000000008C00942E'", false},
		"pickled file":  {"mode = 4, filename = 'long.val', value = NULL", false},
		"not an entry":  {"mode = 1, filename = NULL, value = '[]'", false},
		"without value": {"mode = 1, filename = NULL, value = '{\"value\":null}'", false},
	} {
		conn := dbtest.SQL(t, "sqlite:"+filepath.Join(dir, "cache.db"))
		if n := dbtest.Exec(t, conn, "UPDATE Cache SET "+tt.set+" WHERE key = $1", fastmcp.ClientCollection+"::"+g.ClientID); n != 1 {
			t.Fatalf("%s: %d rows", name, n)
		}
		got, ok := rows(t, g.open(t, dir))[client]
		if !ok || (got.Value != nil) != tt.read {
			t.Errorf("%s: %v, %s", name, ok, got.Value)
		}
	}
}

// TestTreeSwapped: a file in the place of another one is not the row that its name says.
func TestTreeSwapped(t *testing.T) {
	t.Parallel()
	g := readGolden(t, "4.2.3-directory")
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(g.dir)); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(dir, "oauth-proxy", g.sign.Fingerprint(), "S_mcp_jti_mappings-*", "*.json"))
	if err != nil || len(files) != 2 {
		t.Fatalf("%v, %v", files, err)
	}
	if err := os.Rename(files[0], files[1]); err != nil {
		t.Fatal(err)
	}
	mappings := 0
	for name, row := range rows(t, g.open(t, dir)) {
		if row.Collection == fastmcp.MappingCollection {
			mappings++
			if row.Value != nil {
				t.Errorf("%s was read", name)
			}
		}
	}
	if mappings != 1 {
		t.Errorf("%d mappings", mappings)
	}
}
