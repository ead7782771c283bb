package repository

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"slices"
	"strings"
)

// Module is the path of the library's module.
const Module = "github.com/mcpkeep/mcpkeep"

// Package is a package of the module with those that it imports from there.
type Package struct {
	Path    string   // from the module's root, "." for the root itself
	Imports []string // likewise, sorted
}

// Packages returns the packages below a root, sorted by path, without those that only
// tests and generators use.
func Packages(ctx context.Context, root string) ([]Package, error) {
	cmd := exec.CommandContext(ctx, "go", "list", "-json=ImportPath,Imports", "./...")
	cmd.Dir = root
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go list: %w", err)
	}
	var packages []Package
	for decoder := json.NewDecoder(strings.NewReader(string(out))); ; {
		var listed struct {
			ImportPath string   `json:"ImportPath"`
			Imports    []string `json:"Imports"`
		}
		if err := decoder.Decode(&listed); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, err
		}
		if p := packageOf(listed.ImportPath, listed.Imports); !forTests(p.Path) {
			packages = append(packages, p)
		}
	}
	slices.SortFunc(packages, func(a, b Package) int { return cmp.Compare(a.Path, b.Path) })
	return packages, nil
}

func packageOf(path string, imports []string) Package {
	p := Package{Path: local(path)}
	for _, i := range imports {
		if i == Module || strings.HasPrefix(i, Module+"/") {
			p.Imports = append(p.Imports, local(i))
		}
	}
	slices.Sort(p.Imports)
	return p
}

// local is a path from the module's root.
func local(path string) string {
	return cmp.Or(strings.TrimPrefix(strings.TrimPrefix(path, Module), "/"), ".")
}

func forTests(path string) bool {
	return strings.HasSuffix(path, "test") || strings.Contains(path, "test/") || strings.HasSuffix(path, "gen")
}

// Short is the name of a package in the diagram.
func Short(path string) string {
	if path == "." {
		return "mcpkeep"
	}
	return strings.TrimPrefix(strings.TrimSuffix(path, "/mcpkeep"), "internal/")
}

// Diagram returns a Mermaid flowchart. It leaves out an arrow where a longer way leads
// to the same package.
func Diagram(packages []Package) string {
	reach := reachable(packages)
	var b strings.Builder
	b.WriteString("```mermaid\nflowchart TD\n")
	for _, p := range packages {
		for _, target := range p.Imports {
			longer := slices.ContainsFunc(p.Imports, func(via string) bool { return reach[via][target] })
			if !longer {
				fmt.Fprintf(&b, "  %s --> %s\n", node(p.Path), node(target))
			}
		}
	}
	b.WriteString("```\n")
	return b.String()
}

// node is a package in Mermaid, where an id has no slashes.
func node(path string) string {
	name := Short(path)
	if id := strings.ReplaceAll(name, "/", "_"); id != name {
		return fmt.Sprintf("%s[%s]", id, name)
	}
	return name
}

// reachable returns for each package those that it imports, also by others.
func reachable(packages []Package) map[string]map[string]bool {
	imports := make(map[string][]string)
	for _, p := range packages {
		imports[p.Path] = p.Imports
	}
	all := make(map[string]map[string]bool)
	var visit func(path string) map[string]bool
	visit = func(path string) map[string]bool {
		if seen, ok := all[path]; ok {
			return seen
		}
		seen := make(map[string]bool)
		for _, i := range imports[path] {
			seen[i] = true
			for further := range visit(i) {
				seen[further] = true
			}
		}
		all[path] = seen
		return seen
	}
	for _, p := range packages {
		visit(p.Path)
	}
	return all
}

// Table returns a Markdown table of the packages, what each imports, and the linter's
// rules for it.
func Table(packages []Package, rules []Rule) string {
	var b strings.Builder
	b.WriteString("| Package | Imports | The linter's rules |\n|---|---|---|\n")
	for _, p := range packages {
		var imports, held []string
		for _, i := range p.Imports {
			imports = append(imports, "`"+Short(i)+"`")
		}
		for _, r := range rules {
			if r.own() && r.Covers(p.Path) {
				held = append(held, r.String())
			}
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", Short(p.Path), cmp.Or(strings.Join(imports, ", "), "none"), cmp.Or(strings.Join(held, "; "), "any"))
	}
	return b.String()
}
