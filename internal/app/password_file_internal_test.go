package app

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/identity"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// TestPasswordFilePlace: next to the key, or else next to the data.
func TestPasswordFilePlace(t *testing.T) {
	t.Parallel()
	for want, in := range map[string][2]string{
		"mcpkeep.password":           {"", "sqlite:mcpkeep.db"},
		"/data/mcpkeep.password":     {"keys", "sqlite:/data/x.db"},
		"/run/keys/mcpkeep.password": {"file:/run/keys/key", "sqlite:/data/x.db"},
		"/k/mcpkeep.password":        {"file:/k/key", "postgres://h/d"},
	} {
		if got := PasswordFile(in[0], in[1]); got != want {
			t.Errorf("%q: %s, want %s", in, got, want)
		}
	}
	if got := PasswordFile("keys", "postgres://h/d"); got != passwordFile {
		t.Errorf("without files: %s", got)
	}
}

// TestPasswordFile: of two servers that start concurrently, the file has the password that was
// set; one that cannot be written is not set.
func TestPasswordFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var log bytes.Buffer
	a := &App{host: &Host{}, log: slog.New(slog.NewTextHandler(&log, nil)), checked: Checked{Private: true, clock: new(clock), settings: Settings{DatabaseURL: "sqlite:" + dir + "/x.db"}}}
	store := &passwords{}
	if err := a.setUpPassword(t.Context(), store); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, passwordFile)
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if same, err := identity.VerifyPassword(store.hash, strings.TrimSpace(string(content))); err != nil || !same {
		t.Errorf("the file has another password: %v", err)
	}
	if !strings.Contains(log.String(), path) {
		t.Error(log.String())
	}
	late := &passwords{hash: store.hash, late: true}
	if err := a.setUpPassword(t.Context(), late); err != nil {
		t.Fatal(err)
	}
	if after, err := os.ReadFile(path); err != nil || !bytes.Equal(content, after) {
		t.Errorf("the later server changed the file: %v", err)
	}
	if files, err := os.ReadDir(dir); err != nil || len(files) != 1 {
		t.Errorf("%d files: %v", len(files), err)
	}
	a.checked.settings.DatabaseURL = "sqlite:" + dir + "/missing/x.db"
	none := &passwords{}
	if err := a.setUpPassword(t.Context(), none); err == nil || none.hash != "" {
		t.Errorf("without a folder: %v, set %t", err, none.hash != "")
	}
}

// passwords is a store of one password. late: another server sets one in between.
type passwords struct {
	storage.PasswordStore

	hash string
	late bool
}

func (p *passwords) Password(context.Context, storage.Person) (string, error) {
	if p.hash == "" || p.late {
		return "", storage.ErrNotFound
	}
	return p.hash, nil
}

func (p *passwords) SetPassword(_ context.Context, _ storage.Person, hash string, replace bool, _ time.Time) error {
	if replace {
		return errors.New("replaced")
	}
	if p.late {
		return storage.ErrExists
	}
	p.hash = hash
	return nil
}
