package repository

import (
	"cmp"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Rule is one of depguard's rules in .golangci.yaml.
type Rule struct {
	Name  string   `yaml:"-"`
	Mode  string   `yaml:"list-mode"` // strict: what is not allowed is denied; lax: the opposite
	Files []string `yaml:"files"`
	Allow []string `yaml:"allow"`
	Deny  []struct {
		Pkg string `yaml:"pkg"`
	} `yaml:"deny"`
}

// Rules reads the rules from a file, sorted by name.
func Rules(file string) ([]Rule, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var config struct {
		Linters struct {
			Settings struct {
				Depguard struct {
					Rules map[string]Rule `yaml:"rules"`
				} `yaml:"depguard"`
			} `yaml:"settings"`
		} `yaml:"linters"`
	}
	if err := yaml.Unmarshal(text, &config); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	var rules []Rule
	for name, r := range config.Linters.Settings.Depguard.Rules {
		r.Name = name
		rules = append(rules, r)
	}
	slices.SortFunc(rules, func(a, b Rule) int { return cmp.Compare(a.Name, b.Name) })
	return rules, nil
}

// Covers reports whether a rule is for the files of a package other than its tests.
func (r Rule) Covers(pkg string) bool {
	file := "/" + pkg + "/file.go"
	if pkg == "." {
		file = "/mcpkeep.go"
	}
	covered, positive := false, false
	for _, pattern := range r.Files {
		without, negated := strings.CutPrefix(pattern, "!")
		match := glob(without).MatchString(file)
		switch {
		case negated && match:
			return false
		case !negated:
			positive, covered = true, covered || match
		}
	}
	return covered || !positive
}

// glob translates a pattern of files; $test stands for tests.
func glob(pattern string) *regexp.Regexp {
	if pattern == "$test" {
		return regexp.MustCompile(`_test\.go$`)
	}
	var b strings.Builder
	for _, part := range regexp.MustCompile(`\*\*/|\*\*|\*|[^*]+`).FindAllString(pattern, -1) {
		switch part {
		case "**/":
			b.WriteString(`(.*/)?`)
		case "**":
			b.WriteString(`.*`)
		case "*":
			b.WriteString(`[^/]*`)
		default:
			b.WriteString(regexp.QuoteMeta(part))
		}
	}
	return regexp.MustCompile("^" + b.String() + "$")
}

// Allows reports whether a file that the rule covers may import a package, as depguard
// decides: the longest prefix counts.
func (r Rule) Allows(pkg string) bool {
	path := strings.TrimSuffix(Module+"/"+strings.TrimPrefix(pkg, "."), "/")
	allowed, denied := -1, -1
	for _, prefix := range r.Allow {
		if matches(path, prefix) {
			allowed = max(allowed, len(prefix))
		}
	}
	for _, d := range r.Deny {
		if matches(path, d.Pkg) {
			denied = max(denied, len(d.Pkg))
		}
	}
	if r.Mode == "strict" {
		return allowed >= 0 && allowed > denied
	}
	return denied < 0 || allowed > denied
}

// matches compares a package with a prefix; a final $ asks for all of it.
func matches(path, prefix string) bool {
	whole, exact := strings.CutSuffix(prefix, "$")
	if exact {
		return path == whole
	}
	return strings.HasPrefix(path, prefix)
}

// own reports whether a rule is for particular packages.
func (r Rule) own() bool {
	return slices.ContainsFunc(r.Files, func(f string) bool {
		return !strings.HasPrefix(f, "!") && f != "**/internal/**" && f != "**/sql/**"
	}) && (r.Mode == "strict" || slices.ContainsFunc(r.Deny, func(d struct {
		Pkg string `yaml:"pkg"`
	}) bool {
		return strings.HasPrefix(d.Pkg, Module)
	}))
}

// String says in a few words what the rule holds.
func (r Rule) String() string {
	var allowed, denied []string
	for _, a := range r.Allow {
		if path, ok := strings.CutPrefix(a, Module+"/"); ok {
			allowed = append(allowed, "`"+Short(path)+"`")
		}
	}
	all := r.Mode == "strict"
	for _, d := range r.Deny {
		if d.Pkg == Module {
			all = true
		} else if path, ok := strings.CutPrefix(d.Pkg, Module+"/"); ok {
			denied = append(denied, "`"+Short(path)+"`")
		}
	}
	switch {
	case all && len(allowed) == 0:
		return "none"
	case all:
		return "only " + strings.Join(allowed, ", ")
	}
	return "never " + strings.Join(denied, ", ")
}
