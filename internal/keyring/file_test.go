package keyring_test

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mcpkeep/mcpkeep/internal/keyring"
)

func TestReadFile(t *testing.T) {
	t.Parallel()
	const both = specKey + "," + otherKey
	for name, tc := range map[string]struct{ content, want string }{
		"one key":              {specKey, specKey},
		"with a line break":    {specKey + "\n", specKey},
		"lines":                {specKey + "\n" + otherKey + "\n", both},
		"lines of Windows":     {specKey + "\r\n" + otherKey + "\r\n", both},
		"commas":               {specKey + ", " + otherKey, both},
		"commas at line ends":  {specKey + ",\n" + otherKey + ",\n", both},
		"comments":             {"# new\n" + specKey + "\n\n  # old, to be removed\n" + otherKey, both},
		"a comment behind":     {specKey + " # new\n" + otherKey, both},
		"a key in the comment": {"#" + otherKey + "\n" + specKey, specKey},
		"not a key":            {"something else\n", "something else"}, // Parse says what is wrong
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := keyring.ReadFile(keyFile(t, tc.content))
			if err != nil || got != tc.want {
				t.Errorf("got %q, %v; want %q", got, err, tc.want)
			}
		})
	}
}

func TestReadFileRefuses(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ content, want string }{
		"an empty file":    {"", "contains no key"},
		"only white space": {" \n\t\n", "contains no key"},
		"only comments":    {"# " + specKey + "\n", "contains no key"},
		"something large":  {strings.Repeat(specKey+"\n", 2000), "larger than 65536 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := keyFile(t, tc.content)
			spec, err := keyring.ReadFile(path)
			if err == nil || err.Error() != "key file "+path+": "+tc.want || spec != "" {
				t.Errorf("got %q, %v; want %s", spec, err, tc.want)
			}
		})
	}
	missing := filepath.Join(t.TempDir(), "missing.key")
	if _, err := keyring.ReadFile(missing); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), missing) {
		t.Errorf("without a file: got %v", err)
	}
}

func TestCreateFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "mcpkeep.key")
	created, err := keyring.CreateFile(path)
	if err != nil || !created {
		t.Fatalf("got %t, %v", created, err)
	}
	spec, err := keyring.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if ids := ring(t, spec).IDs(); len(ids) != 1 {
		t.Errorf("the file holds %d keys, want one", len(ids))
	}
	onlyFile(t, path)
}

func TestCreateFileKeepsWhatIsThere(t *testing.T) {
	t.Parallel()
	for name, content := range map[string]string{"a key": specKey, "nothing": "", "something else": "notes"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := keyFile(t, content)
			before := stat(t, path)
			created, err := keyring.CreateFile(path)
			if err != nil || created {
				t.Errorf("got %t, %v", created, err)
			}
			after, err := os.ReadFile(path)
			if err != nil || string(after) != content || !os.SameFile(before, stat(t, path)) {
				t.Errorf("the file has become %q, %v", after, err)
			}
			onlyFile(t, path)
		})
	}
}

func TestCreateFileWithoutFolder(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "missing", "mcpkeep.key")
	if created, err := keyring.CreateFile(path); created || !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), path) {
		t.Errorf("got %t, %v", created, err)
	}
}

const racers = 16

// TestCreateFileRace: one of many goroutines makes the file, and all read the
// same complete key right afterwards.
func TestCreateFileRace(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "mcpkeep.key")
	checkRace(t, path, func() (bool, string, error) {
		created, err := keyring.CreateFile(path)
		if err != nil {
			return created, "", err
		}
		spec, err := keyring.ReadFile(path)
		return created, spec, err
	})
}

// TestCreateFileRaceOfProcesses is the same with processes.
func TestCreateFileRaceOfProcesses(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "mcpkeep.key")
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	checkRace(t, path, func() (bool, string, error) {
		cmd := exec.CommandContext(t.Context(), program)
		cmd.Env = append(os.Environ(), createFileAt+"="+path)
		cmd.Stderr = t.Output()
		out, err := cmd.Output()
		created, spec, _ := strings.Cut(strings.TrimSpace(string(out)), " ")
		return created == "true", spec, err
	})
}

func checkRace(t *testing.T, path string, create func() (created bool, spec string, err error)) {
	t.Helper()
	var wg sync.WaitGroup
	var mu sync.Mutex
	creators, specs := 0, map[string]int{}
	start := make(chan struct{})
	for range racers {
		wg.Go(func() {
			<-start
			created, spec, err := create()
			if err != nil {
				t.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			if created {
				creators++
			}
			specs[spec]++
		})
	}
	close(start)
	wg.Wait()
	if creators != 1 || len(specs) != 1 {
		t.Fatalf("%d of %d made the file, and they read %d different ones", creators, racers, len(specs))
	}
	for spec := range specs {
		ring(t, spec)
	}
	onlyFile(t, path)
}

// keyFile makes a file that is only the owner's.
func keyFile(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "test.key")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func stat(t *testing.T, path string) fs.FileInfo {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info
}

// onlyFile checks that no temporary file was left next to it.
func onlyFile(t *testing.T, path string) {
	t.Helper()
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	if diff := cmp.Diff([]string{filepath.Base(path)}, names); diff != "" {
		t.Error(diff)
	}
}
