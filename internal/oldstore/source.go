package oldstore

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/mcpkeep/mcpkeep/internal/fastmcp"
)

// ErrSource means that a source is none that can be read. Errors never hold a password.
var ErrSource = errors.New("not a store of FastMCP")

// Source is a store of FastMCP.
type Source interface {
	// Each calls f with every row of FastMCP's collections, in any order, and ends with its
	// error. A row whose Value is nil is there but was not written by py-key-value.
	Each(ctx context.Context, f func(fastmcp.Row) error) error
	// String says what it is, without a password.
	String() string
	// Close releases it.
	Close() error
}

// Config says how to read a store.
type Config struct {
	// Open returns the JSON in a value: in a directory of FastMCP 3 and later only that
	// says which key a row has.
	Open func(value json.RawMessage) ([]byte, error)
	// Fingerprints name the directories that FastMCP 3 and later makes for signing keys.
	Fingerprints []string
	// Prefix is what py-key-value's wrapper puts before the names of collections, with two
	// underscores between the two; "" for none.
	Prefix string
}

// stored is the name of a collection in the store.
func (c Config) stored(name string) string {
	if c.Prefix == "" {
		return name
	}
	return c.Prefix + prefixDelimiter + name
}

// prefixDelimiter is between a prefix and the name of a collection.
const prefixDelimiter = "__"

// Open opens a store: redis:// and rediss:// URLs, or the path of a directory, which may be
// FASTMCP_HOME, the oauth-proxy directory in it, or the store itself. The error wraps
// ErrSource, or is that of the file system or the server.
func Open(ctx context.Context, source string, c Config) (Source, error) {
	if isRedis(source) {
		return openRedis(ctx, source, c)
	}
	if scheme, _, ok := strings.Cut(source, "://"); ok {
		return nil, fmt.Errorf("%w: %s:// is not known; want a directory, redis://HOST:PORT/DB or rediss://HOST:PORT/DB", ErrSource, scheme)
	}
	dir, err := storeIn(source, c.Fingerprints)
	if err != nil {
		return nil, err
	}
	if isFile(filepath.Join(dir, cacheFile)) {
		return openDisk(dir, c)
	}
	return openTree(dir, c)
}

// storeIn finds the store in a directory.
func storeIn(dir string, fingerprints []string) (string, error) {
	if info, err := os.Stat(dir); err != nil {
		return "", err
	} else if !info.IsDir() {
		return "", fmt.Errorf("%w: %s is a file; want the directory that it is in", ErrSource, dir)
	}
	inside := filepath.Join(dir, "oauth-proxy")
	for _, parent := range []string{dir, inside} {
		for _, name := range fingerprints {
			if isDir(filepath.Join(parent, name)) {
				return filepath.Join(parent, name), nil
			}
		}
	}
	for _, candidate := range []string{dir, inside} {
		if isFile(filepath.Join(candidate, cacheFile)) || hasCollection(candidate) {
			return candidate, nil
		}
	}
	return "", fmt.Errorf("%w: %s holds neither %s nor directories of FastMCP's collections, nor one named %s after the signing key",
		ErrSource, dir, cacheFile, strings.Join(fingerprints, " or "))
}

func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}

// ours reports whether a collection is one of FastMCP's, and returns its name without the
// prefix.
func (c Config) ours(collection string) (string, bool) {
	for _, known := range fastmcp.Collections() {
		if collection == c.stored(known) {
			return known, true
		}
	}
	return "", false
}

// longestValue bounds a value, in bytes.
const longestValue = 16 << 20

// readFile returns the content of a file in a directory, nil for one that cannot be read.
func readFile(dir *os.Root, name string) []byte {
	f, err := dir.Open(name)
	if err != nil {
		return nil
	}
	defer func() { _ = f.Close() }()
	data, err := io.ReadAll(io.LimitReader(f, longestValue+1))
	if err != nil || len(data) > longestValue {
		return nil
	}
	return data
}
