package oauth

import "testing"

// hierarchy has what the table of today has not: scopes that include others, one
// of them in a circle.
var hierarchy = scopeTable{
	{Scope: Scope{Name: "admin"}, implies: []string{"write"}},
	{Scope: Scope{Name: "write"}, implies: []string{"read"}},
	{Scope: Scope{Name: "read"}, basic: true},
	{Scope: Scope{Name: "list"}, basic: true, implies: []string{"show"}},
	{Scope: Scope{Name: "show"}, implies: []string{"list"}},
}

func TestHierarchyHas(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, granted, needed string
		want                  bool
	}{
		{"RS-07 one step", "write", "read", true},
		{"RS-07 two steps", "admin", "read", true},
		{"RS-07 not upwards", "read", "write", false},
		{"RS-07 several", "admin list", "read write show", true},
		{"RS-07 one of several", "write", "read show", false},
		{"a circle ends", "show", "admin", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := hierarchy.has(tt.granted, tt.needed); got != tt.want {
				t.Errorf("has(%q, %q) = %t", tt.granted, tt.needed, got)
			}
		})
	}
}

func TestHierarchyNarrow(t *testing.T) {
	t.Parallel()
	if got := hierarchy.narrow("admin", "read unknown"); got != "read" {
		t.Errorf(`narrow("admin", "read unknown") = %q`, got)
	}
}

func TestHierarchyDefault(t *testing.T) {
	t.Parallel()
	if got := hierarchy.grantable("", []string{"read", "list"}); got != "read list" {
		t.Errorf(`grantable("") = %q`, got)
	}
}
