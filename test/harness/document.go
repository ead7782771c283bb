package harness

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Document compares a block of Markdown that tests make with the one that a file
// of docs/ has between <!-- NAME --> and <!-- /NAME -->. With update it writes the
// block instead.
func Document(t testing.TB, update bool, file, name, block string) {
	t.Helper()
	path := filepath.Join(Root(t), "docs", file)
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	begin, end := "<!-- "+name+" -->\n", "<!-- /"+name+" -->\n"
	before, rest, found := strings.Cut(string(text), begin)
	have, after, ended := strings.Cut(rest, end)
	if !found || !ended {
		t.Fatalf("docs/%s has no block %s", file, name)
	}
	block = "\n" + strings.TrimSpace(block) + "\n\n"
	switch {
	case have == block:
	case update:
		if err := os.WriteFile(path, []byte(before+begin+block+end+after), 0o600); err != nil {
			t.Fatal(err)
		}
	default:
		t.Errorf("docs/%s does not say what was run; if that is meant, `make docs/clients` writes it. It says\n%s\nand should say\n%s",
			file, have, block)
	}
}
