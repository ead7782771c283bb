//go:build mutants

package mutants_test

import (
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// variable of the environment: which condition is taken out.
const variable = "MCPKEEP_TEST_MUTANT"

// overlay is files that the go command takes in place of those on disk.
type overlay struct {
	dir   string
	files map[string]string
}

func newOverlay(t *testing.T) *overlay {
	t.Helper()
	return &overlay{dir: t.TempDir(), files: map[string]string{}}
}

func (o *overlay) replace(t *testing.T, path, content string) {
	t.Helper()
	with := filepath.Join(o.dir, fmt.Sprintf("%d-%s", len(o.files), filepath.Base(path)))
	write(t, with, []byte(content))
	o.files[path] = with
}

// flag has the go command use the overlay, also where a test builds the program.
func (o *overlay) flag(t *testing.T) string {
	t.Helper()
	list, err := json.Marshal(map[string]any{"Replace": o.files})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(o.dir, "overlay.json")
	write(t, path, list)
	return "-overlay=" + path
}

// together makes an overlay in which the conditions can be taken out by the environment,
// and returns those for which that is impossible: they are not in functions.
func together(t *testing.T, root string, list []mutant) (o *overlay, alone []mutant) {
	t.Helper()
	o = newOverlay(t)
	byFile := map[string][]mutant{}
	for _, m := range list {
		byFile[m.file] = append(byFile[m.file], m)
	}
	for file, group := range byFile {
		path := filepath.Join(root, file)
		text := string(read(t, path))
		var edits []edit
		for _, m := range group {
			if e, ok := m.edit(t, text); ok {
				edits = append(edits, e)
			} else {
				alone = append(alone, m)
			}
		}
		if len(edits) == 0 {
			continue
		}
		o.replace(t, path, apply(text, edits))
		name, _, _ := strings.Cut(text[strings.Index(text, "\npackage ")+1:], "\n")
		if strings.HasPrefix(text, "package ") {
			name, _, _ = strings.Cut(text, "\n")
		}
		if switched := filepath.Join(filepath.Dir(path), "zz_mutant.go"); o.files[switched] == "" {
			o.replace(t, switched, name+"\n\nimport \"os\"\n\nvar mutantOn = os.Getenv(\""+variable+"\")\n")
		}
	}
	return o, alone
}

// edit is text in the place of a part of a file. Edits of the same part are put together:
// before and after are those of one, with the cases of all between them.
type edit struct {
	from, to              int
	before, choice, after string
}

func apply(text string, edits []edit) string {
	slices.SortStableFunc(edits, func(a, b edit) int { return b.from - a.from })
	for i := 0; i < len(edits); {
		e, choices := edits[i], ""
		for ; i < len(edits) && edits[i].from == e.from; i++ {
			choices += edits[i].choice
		}
		text = text[:e.from] + e.before + choices + e.after + text[e.to:]
	}
	return text
}

// edit puts the changed body of a function in front of the other one. A constant text, such as
// a query, becomes a variable.
func (m mutant) edit(t *testing.T, text string) (e edit, ok bool) {
	t.Helper()
	changed, at := m.without(t, text), strings.Index(text, m.text)
	if !strings.HasSuffix(m.file, ".go") {
		return e, false
	}
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, m.file, text, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	for _, decl := range file.Decls {
		from, to := fset.Position(decl.Pos()).Offset, fset.Position(decl.End()).Offset
		if at < from || at >= to {
			continue
		}
		switch d := decl.(type) {
		case *ast.FuncDecl:
			return m.inBody(fset, d, text, changed)
		case *ast.GenDecl:
			return m.inText(fset, d, text, changed)
		}
	}
	return e, false
}

func (m mutant) inBody(fset *token.FileSet, d *ast.FuncDecl, text, changed string) (e edit, ok bool) {
	start, end := fset.Position(d.Body.Lbrace).Offset+1, fset.Position(d.Body.Rbrace).Offset
	if strings.Index(text, m.text) < start {
		return e, false
	}
	body := changed[start : end+len(changed)-len(text)]
	if d.Type.Results == nil {
		body += "\nreturn\n"
	}
	return edit{from: start, to: start, choice: m.choice(body)}, true
}

func (m mutant) inText(fset *token.FileSet, d *ast.GenDecl, text, changed string) (e edit, ok bool) {
	name, value, ok := textOf(d)
	if !ok {
		return e, false
	}
	start, end := fset.Position(value.Pos()).Offset, fset.Position(value.End()).Offset
	return edit{
		from: fset.Position(d.Pos()).Offset, to: fset.Position(d.End()).Offset,
		before: "var " + name + " = func() string {", choice: m.choice("\nreturn " + changed[start:end+len(changed)-len(text)] + "\n"),
		after: "return " + text[start:end] + "\n}()",
	}, true
}

// choice is code that runs without the condition.
func (m mutant) choice(code string) string {
	return fmt.Sprintf("\nif mutantOn == %q {%s}\n", m.id(), code)
}

// textOf returns the name and the value of the declaration of one constant text.
func textOf(d *ast.GenDecl) (name string, value *ast.BasicLit, ok bool) {
	if d.Tok != token.CONST || len(d.Specs) != 1 {
		return "", nil, false
	}
	spec, ok := d.Specs[0].(*ast.ValueSpec)
	if !ok || len(spec.Values) != 1 {
		return "", nil, false
	}
	value, ok = spec.Values[0].(*ast.BasicLit)
	return spec.Names[0].Name, value, ok && value.Kind == token.STRING
}
