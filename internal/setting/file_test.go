package setting_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mcpkeep/mcpkeep/internal/setting"
)

func written(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(path, []byte(content), 0o400); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestSecret(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ value, want string }{
		"itself":               {"sesame", "sesame"},
		"white space":          {" sesame\r\n", "sesame"},
		"inside stays":         {"open sesame", "open sesame"},
		"byte order mark":      {"\ufeffsesame", "sesame"},
		"no-break space":       {"sesame\u00a0", "sesame"},
		"file":                 {"file:" + written(t, "sesame"), "sesame"},
		"file with a newline":  {"file:" + written(t, "sesame\n"), "sesame"},
		"file of Windows":      {"file:" + written(t, "\ufeffsesame\r\n"), "sesame"},
		"space after it":       {"file: " + written(t, "sesame"), "sesame"},
		"setting with newline": {"file:" + written(t, "sesame\n") + "\n", "sesame"},
	} {
		if got, err := setting.Secret(tt.value); got != tt.want || err != nil {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}

// TestSecretThroughLinks: as Kubernetes mounts it, a link to a file behind another link.
func TestSecretThroughLinks(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := errors.Join(os.Mkdir(filepath.Join(dir, "..2026"), 0o755), os.WriteFile(filepath.Join(dir, "..2026", "key"), []byte("sesame"), 0o400),
		os.Symlink("..2026", filepath.Join(dir, "..data")), os.Symlink("..data/key", filepath.Join(dir, "key"))); err != nil {
		t.Fatal(err)
	}
	if got, err := setting.Secret("file:" + filepath.Join(dir, "key")); got != "sesame" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
}

func TestSecretRefused(t *testing.T) {
	t.Parallel()
	writable := written(t, "sesame")
	if err := os.Chmod(writable, 0o666); err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct{ path, want string }{
		"URL":       {"postgres://u:sesame@h/d", "not the path of a file"},
		"missing":   {filepath.Join(t.TempDir(), "none"), "no such file"},
		"directory": {t.TempDir(), "a directory"},
		"empty":     {written(t, " \n"), "empty"},
		"writable":  {writable, "mode 0666 lets other users write it; fix it with `chmod "},
		"large":     {written(t, strings.Repeat("sesame", 20000)), "larger than 65536 bytes"},
	} {
		got, err := setting.Secret("file:" + tt.path)
		var bad *setting.FileError
		if got != "" || !errors.As(err, &bad) || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), setting.Shown(tt.path)) || strings.Contains(err.Error(), "sesame") {
			t.Errorf("%s: %q, %v; want %q", name, got, err, tt.want)
		}
		if missing := name == "missing"; errors.Is(err, fs.ErrNotExist) != missing {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestSecretMistyped: what is meant to name a file is never itself the secret.
func TestSecretMistyped(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]string{
		`"file:/run/secrets/x"`: `"file:/run/secrets/x": in quotes`, "'file:/run/secrets/x' ": "in quotes", "file:": "file:: names no file", "file: ": "names no file",
	} {
		got, err := setting.Secret(value)
		if bad := new(setting.FileError); got != "" || !errors.As(err, &bad) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %q, %v; want %q", value, got, err, want)
		}
	}
}
