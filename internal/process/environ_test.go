package process_test

import (
	"slices"
	"testing"

	"github.com/mcpkeep/mcpkeep/internal/process"
)

// TestEnviron: a command gets six variables of mcpkeep, those of its entry and the caller.
func TestEnviron(t *testing.T) {
	t.Parallel()
	base := []string{
		"PATH=/bin", "HOME=/root", "USER=root", "LANG=C", "TZ=UTC", "TMPDIR=/tmp", "DATABASE_URL=postgres://u:p@h/d", "MCPKEEP_ENCRYPTION_KEYS=key",
		"MCPKEEP_USER=forged", "MCPKEEP_LOCAL_PASSWORD=p", "PATHS=x", "path=x", "LD_PRELOAD=x", "no variable",
	}
	for name, tt := range map[string]struct {
		user            *process.Credential
		entry, identity map[string]string
		want            []string
	}{
		"shared": {nil, nil, nil, []string{"HOME=/root", "LANG=C", "PATH=/bin", "TMPDIR=/tmp", "TZ=UTC", "USER=root"}},
		"session": {nil, map[string]string{"PATH": "/opt", "MCPKEEP_USER": "entry"}, map[string]string{"MCPKEEP_USER": "u", "MCPKEEP_NAME": "a\x00b"},
			[]string{"HOME=/root", "LANG=C", "MCPKEEP_USER=u", "PATH=/opt", "TMPDIR=/tmp", "TZ=UTC", "USER=root"}},
		"another user": {&process.Credential{Home: "/home/x", Name: "x"}, nil, nil, []string{"HOME=/home/x", "LANG=C", "PATH=/bin", "TMPDIR=/tmp", "TZ=UTC", "USER=x"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := process.Environ(base, tt.user, tt.entry, tt.identity); !slices.Equal(got, tt.want) {
				t.Errorf("%q, want %q", got, tt.want)
			}
		})
	}
}
