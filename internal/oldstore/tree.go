package oldstore

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/mcpkeep/mcpkeep/internal/fastmcp"
)

// tree is the default store of FastMCP 3 and later: a directory for each collection, and a
// JSON file for each row.
type tree struct {
	Config
	dir  string
	root *os.Root
}

func openTree(dir string, c Config) (Source, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	return &tree{Config: c, dir: dir, root: root}, nil
}

// hasCollection reports whether a directory holds one of a collection, whatever the prefix.
func hasCollection(dir string) bool {
	entries, err := os.ReadDir(dir)
	return err == nil && slices.ContainsFunc(entries, func(e fs.DirEntry) bool {
		return e.IsDir() && slices.ContainsFunc(fastmcp.Collections(), func(c string) bool {
			return fastmcp.NamedFor(e.Name(), c) || strings.HasSuffix(e.Name(), c) || strings.Contains(e.Name(), strings.ReplaceAll(c, "-", "_")+"-")
		})
	})
}

// Each implements Source.
func (t *tree) Each(ctx context.Context, f func(fastmcp.Row) error) error {
	entries, err := fs.ReadDir(t.root.FS(), ".")
	if err != nil {
		return err
	}
	for _, e := range entries {
		for _, collection := range fastmcp.Collections() {
			if e.IsDir() && fastmcp.NamedFor(e.Name(), t.stored(collection)) {
				if err := t.collection(ctx, e.Name(), collection, f); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// collection reads the files of a collection, a page at a time.
func (t *tree) collection(ctx context.Context, dir, collection string, f func(fastmcp.Row) error) error {
	const page = 1000
	open, err := t.root.Open(dir)
	if err != nil {
		return err
	}
	defer func() { _ = open.Close() }()
	for {
		entries, err := open.ReadDir(page)
		for _, e := range entries {
			name, ok := strings.CutSuffix(e.Name(), ".json")
			if !ok || !e.Type().IsRegular() {
				continue
			}
			if err := f(t.row(dir, name, collection)); err != nil {
				return err
			}
		}
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		case ctx.Err() != nil:
			return ctx.Err()
		}
	}
}

// row reads a file. Its key is in what it holds; the name of the file has to agree with that,
// or the file was put in the place of another one.
func (t *tree) row(dir, name, collection string) fastmcp.Row {
	row, err := fastmcp.DecodeEntry(readFile(t.root, dir+"/"+name+".json"), collection, name)
	if err != nil {
		row.Value = nil
		return row
	}
	if collection == fastmcp.RefreshCollection || collection == fastmcp.ConsentCollection {
		return row // named after its key, which only has letters and digits
	}
	plaintext, err := t.Open(row.Value)
	if err != nil {
		return row // no key opens it, which its reader will find out
	}
	key := fastmcp.KeyIn(collection, plaintext)
	if key == "" || !fastmcp.NamedFor(name, key) {
		row.Value = nil
		return row
	}
	row.Key = key
	return row
}

// String implements Source.
func (t *tree) String() string { return "the directory " + t.dir }

// Close implements Source.
func (t *tree) Close() error { return t.root.Close() }
