package requirements

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Test is a test, a fuzz target, or a suite's case table.
type Test struct {
	Name string
	File string // path from the root of the module, with slashes
}

// idPattern finds ids, also as a range: "AS-02 to AS-05".
var idPattern = regexp.MustCompile(`\b(` + anID + `)(?: to (` + anID + `))?\b`)

const anID = `(?:AS|RS|TL|TM|C|CIMD|2\.1|6749|6750|7009|7523|7591|7592|7636|7662|8252|8414|8628|8707|9126|9207|9449|9700|9728)-\d\d|[A-E]\d{1,2}`

// Scan returns the tests below root by the ids of requirements that their
// comments and names of cases mention.
func Scan(root string) (map[string][]Test, error) {
	found := make(map[string][]Test)
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (strings.HasPrefix(d.Name(), ".") && path != root || d.Name() == "node_modules" || d.Name() == "testdata") ||
			filepath.ToSlash(path) == root+"/test/requirements" { // its own tests are examples
			return filepath.SkipDir
		}
		name := filepath.ToSlash(path)
		if d.IsDir() || !strings.HasSuffix(name, "_test.go") && !strings.Contains(name, "/storagetest/") {
			return nil
		}
		return scanFile(root, path, found)
	})
	for id := range found {
		slices.SortFunc(found[id], func(a, b Test) int { return strings.Compare(a.File+a.Name, b.File+b.Name) })
		found[id] = slices.Compact(found[id])
	}
	return found, err
}

// scanFile adds the tests of one file. What a table or a helper of the file
// mentions counts for the tests that use it.
func scanFile(root, path string, found map[string][]Test) error {
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return err
	}
	rel, err := filepath.Rel(root, path)
	if err != nil {
		return err
	}
	parts := partsOf(file)
	for name := range parts {
		if !isTest(name) {
			continue
		}
		for _, id := range parts.idsOf(name, make(map[string]bool)) {
			found[id] = append(found[id], Test{Name: name, File: filepath.ToSlash(rel)})
		}
	}
	return nil
}

// isTest reports whether go test runs it by itself, or a suite does (…Cases), or every
// test of a package does (methods check…).
func isTest(name string) bool {
	return strings.HasPrefix(name, "Test") && name != "TestMain" || strings.HasPrefix(name, "Fuzz") ||
		strings.HasSuffix(name, "Cases") || strings.HasPrefix(name, "check")
}

// part is one declaration: the ids it mentions and the names it uses.
type part struct{ ids, uses []string }

type parts map[string]part

// idsOf collects the ids of a declaration and of what it uses in its file; a test
// does not use another one.
func (p parts) idsOf(name string, seen map[string]bool) []string {
	if seen[name] {
		return nil
	}
	seen[name] = true
	ids := slices.Clone(p[name].ids)
	for _, used := range p[name].uses {
		if _, ok := p[used]; ok && !isTest(used) {
			ids = append(ids, p.idsOf(used, seen)...)
		}
	}
	return ids
}

func partsOf(file *ast.File) parts {
	all := make(parts)
	for _, decl := range file.Decls {
		switch d := decl.(type) {
		case *ast.FuncDecl:
			all[d.Name.Name] = partOf(file, d, d.Doc)
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				if v, ok := spec.(*ast.ValueSpec); ok && len(v.Names) == 1 {
					all[v.Names[0].Name] = partOf(file, v, d.Doc)
				}
			}
		}
	}
	return all
}

func partOf(file *ast.File, node ast.Node, doc *ast.CommentGroup) part {
	var p part
	text := doc.Text()
	for _, group := range file.Comments {
		if node.Pos() <= group.Pos() && group.End() <= node.End() {
			text += "\n" + group.Text()
		}
	}
	ast.Inspect(node, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.Ident:
			p.uses = append(p.uses, n.Name)
		case *ast.BasicLit:
			if n.Kind == token.STRING {
				value, _ := strconv.Unquote(n.Value)
				p.ids = append(p.ids, startingIDs(value)...)
			}
		}
		return true
	})
	p.ids = append(p.ids, mentionedIDs(text)...)
	return p
}

// startingIDs returns the ids at the beginning of a case's name, such as "RS-05,
// RS-06 two scopes"; further behind it may be anything.
func startingIDs(name string) []string {
	var ids []string
	for {
		id := idPattern.FindString(name)
		before, after, found := strings.Cut(name, id)
		if id == "" || !found || strings.Trim(before, ", /") != "" {
			return ids
		}
		ids = append(ids, mentionedIDs(id)...)
		name = after
	}
}

func mentionedIDs(text string) []string {
	var ids []string
	for _, m := range idPattern.FindAllStringSubmatch(text, -1) {
		ids = append(ids, between(m[1], m[2])...)
	}
	return ids
}

// between counts from the first id to the last; last is "" for the first alone.
func between(first, last string) []string {
	digits := len(first) - len(strings.TrimRight(first, "0123456789"))
	prefix, from := first[:len(first)-digits], first[len(first)-digits:]
	rest, ok := strings.CutPrefix(last, prefix)
	low, _ := strconv.Atoi(from)
	high, err := strconv.Atoi(rest)
	if !ok || err != nil || high < low {
		return []string{first}
	}
	var ids []string
	for n := low; n <= high; n++ {
		number := strconv.Itoa(n)
		if strings.HasSuffix(prefix, "-") {
			number = strings.Repeat("0", max(0, digits-len(number))) + number
		}
		ids = append(ids, prefix+number)
	}
	return ids
}
