package autotls

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"time"

	"github.com/caddyserver/certmagic"

	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// files is a storage.CertificateStore as certmagic wants it: values are files, and a
// folder exists while a file is in it.
type files struct {
	*locks
	store storage.CertificateStore
}

var (
	_ certmagic.Storage   = files{}
	_ certmagic.TryLocker = files{}
)

func newFiles(store storage.CertificateStore, now func() time.Time) files {
	if now == nil {
		now = time.Now
	}
	return files{locks: newLocks(store, leaseFor, now), store: store}
}

// String names the storage in certmagic's log.
func (files) String() string { return "database" }

// Store implements certmagic.Storage.
func (f files) Store(ctx context.Context, key string, value []byte) error {
	return f.store.PutTLSValue(ctx, key, value, f.now())
}

// Load implements certmagic.Storage.
func (f files) Load(ctx context.Context, key string) ([]byte, error) {
	v, err := f.store.TLSValue(ctx, key)
	return v.Value, missing(err)
}

// missing adds the error that certmagic knows.
func missing(err error) error {
	if errors.Is(err, storage.ErrNotFound) {
		return fmt.Errorf("%w: %w", fs.ErrNotExist, err)
	}
	return err
}

// Delete implements certmagic.Storage, for a file and for a folder.
func (f files) Delete(ctx context.Context, key string) error {
	names, err := f.inside(ctx, key)
	if err != nil {
		return err
	}
	return f.store.DeleteTLSValues(ctx, append(names, key))
}

// inside returns the files in a folder and below, in order.
func (f files) inside(ctx context.Context, folder string) ([]string, error) {
	names, err := f.store.ListTLSValues(ctx)
	if folder == "" {
		return names, err
	}
	return slices.DeleteFunc(names, func(name string) bool { return !strings.HasPrefix(name, folder+"/") }), err
}

// Exists implements certmagic.Storage.
func (f files) Exists(ctx context.Context, key string) bool {
	_, err := f.Stat(ctx, key)
	return err == nil
}

// List implements certmagic.Storage.
func (f files) List(ctx context.Context, folder string, recursive bool) ([]string, error) {
	names, err := f.inside(ctx, folder)
	if err != nil || recursive {
		return names, err
	}
	start := len(folder)
	if folder != "" {
		start++
	}
	for i, name := range names {
		if child, _, deeper := strings.Cut(name[start:], "/"); deeper {
			names[i] = name[:start] + child
		}
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}

// Stat implements certmagic.Storage.
func (f files) Stat(ctx context.Context, key string) (certmagic.KeyInfo, error) {
	v, err := f.store.TLSValue(ctx, key)
	if err == nil {
		return certmagic.KeyInfo{Key: key, Modified: v.UpdatedAt, Size: int64(len(v.Value)), IsTerminal: true}, nil
	}
	if !errors.Is(err, storage.ErrNotFound) {
		return certmagic.KeyInfo{}, err
	}
	names, listed := f.inside(ctx, key)
	if listed != nil || len(names) == 0 {
		return certmagic.KeyInfo{}, errors.Join(missing(err), listed)
	}
	return certmagic.KeyInfo{Key: key}, nil
}
