package requirements_test

import (
	"flag"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mcpkeep/mcpkeep/test/requirements"
)

var update = flag.Bool("update", false, "rewrite docs/requirements.md")

const root = "../.."

// TestEveryRequirementIsShown fails when an id has neither a test nor a reason,
// when a test names an id that is in no table, and when the document is not current.
func TestEveryRequirementIsShown(t *testing.T) {
	t.Parallel()
	sections, err := requirements.Sections()
	if err != nil {
		t.Fatal(err)
	}
	tests, err := requirements.Scan(root)
	if err != nil {
		t.Fatal(err)
	}
	known := make(map[string]bool)
	for _, s := range sections {
		for _, r := range s.Requirements {
			if known[r.ID] {
				t.Errorf("%s is in the table twice", r.ID)
			}
			known[r.ID] = true
			if r.Reason == "" && len(tests[r.ID]) == 0 {
				t.Errorf("%s has neither a test nor a reason: %s", r.ID, r.Text)
			}
		}
	}
	if len(known) < 300 {
		t.Errorf("%d requirements; the table is not whole", len(known))
	}
	for id, list := range tests {
		if !known[id] {
			t.Errorf("%s in %s names %s, which is in no table", list[0].Name, list[0].File, id)
		}
	}
	current(t, filepath.Join(root, "docs", "requirements.md"), requirements.Document(sections, tests))
}

// current compares a generated document with the one on file.
func current(t *testing.T, file, want string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("%s is not current: run go -C test test ./requirements -update (-want +got)\n%s", file, diff)
	}
}

const example = `package x

// TestOne: AS-02 to AS-04, C1.
func TestOne(t *testing.T) {
	for _, c := range cases { // RS-05
		t.Run(c, nil)
	}
	t.Run("see RS-06", nil)
}

var cases = []string{"6749-01, 6749-02 both", "7009-01 A1 alone", "no id AS-09"}

func TestOther(t *testing.T) { TestOne(t) }

// revokeCases: D1.
var revokeCases = cases
`

func TestScan(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "x_test.go"), []byte(example), 0o644); err != nil {
		t.Fatal(err)
	}
	tests, err := requirements.Scan(dir)
	if err != nil {
		t.Fatal(err)
	}
	got := make(map[string][]string)
	for id, list := range tests {
		for _, test := range list {
			if test.File != "x_test.go" {
				t.Errorf("file %q", test.File)
			}
			got[test.Name] = append(got[test.Name], id)
		}
	}
	for name := range got {
		slices.Sort(got[name])
	}
	want := map[string][]string{
		"TestOne":     {"6749-01", "6749-02", "7009-01", "A1", "AS-02", "AS-03", "AS-04", "C1", "RS-05"},
		"revokeCases": {"6749-01", "6749-02", "7009-01", "A1", "D1"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("ids by test (-want +got)\n%s", diff)
	}
}
