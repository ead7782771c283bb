//go:build unix

package db

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestExposure: another owner, and a mode or a folder that lets others in, each with a fix.
func TestExposure(t *testing.T) {
	t.Parallel()
	self := os.Geteuid()
	for name, tt := range map[string]struct {
		file, folder fs.FileMode
		as           int
		what, fix    string
	}{
		"own":               {0o600, 0o755, self, "", ""},
		"read by others":    {0o644, 0o755, self, "", ""},
		"group writes":      {0o660, 0o755, self, "mode 0660", "chmod 600"},
		"others write":      {0o602, 0o755, self, "mode 0602", "chmod 600"},
		"folder of a group": {0o600, 0o775, self, "", ""}, // as volumes in Kubernetes
		"folder of all":     {0o600, 0o777, self, "every user may replace files", "chmod o-w"},
		"shared folder":     {0o600, 0o777 | fs.ModeSticky, self, "", ""},
	} {
		dir := t.TempDir()
		path := filepath.Join(dir, "x.db")
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, tt.file); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(dir, tt.folder); err != nil {
			t.Fatal(err)
		}
		got, err := DiagnoseFile(path)
		if err != nil {
			t.Fatal(err)
		}
		risk := got.File.Exposure()
		if (risk == nil) != (tt.what == "") || risk != nil && (!strings.Contains(risk.What, tt.what) || !strings.Contains(risk.Fix, tt.fix)) {
			t.Errorf("%s: %+v", name, risk)
		}
	}
}

// TestExposureOwner: a file of another user, and of root.
func TestExposureOwner(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "x.db")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	const another = 4711
	asRoot := os.Geteuid() == 0
	if asRoot {
		if err := os.Chown(path, another, -1); err != nil {
			t.Fatal(err)
		}
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	folder, err := os.Stat("/")
	if err != nil {
		t.Fatal(err)
	}
	owner, _ := ownerOf(info)
	f := &FileDiagnosis{Path: path}
	f.expose(info, folder, owner+1)
	if risk := f.Exposure(); risk == nil || !strings.Contains(risk.What, "belongs to user") || !strings.HasPrefix(risk.Fix, "chown ") {
		t.Errorf("a file of user %d for user %d: %+v", owner, owner+1, risk)
	}
	f = &FileDiagnosis{Path: path}
	if f.expose(folder, folder, owner+1); f.Exposure() != nil {
		t.Errorf("root's: %+v", f.Exposure())
	}
}
