//go:build unix

package setting

import (
	"fmt"
	"io/fs"
	"strings"
	"testing"
)

// TestJudgeOwner: secrets as Kubernetes, Docker and people mount them.
func TestJudgeOwner(t *testing.T) {
	t.Parallel()
	const self, other = 65532, 1000
	for _, tt := range []struct {
		mode  fs.FileMode
		owner int
		want  string // in the problem; "" if the file is taken
		fix   string
	}{
		{0o400, self, "", ""}, {0o600, self, "", ""}, {0o640, self, "", ""}, {0o700, self, "", ""}, {0o440, self, "", ""},
		{0o400, 0, "", ""}, {0o440, 0, "", ""}, {0o444, 0, "", ""}, {0o640, 0, "", ""}, {0o644, 0, "", ""},
		{0o644, self, "every user read it", "chmod 600 /s"}, {0o404, self, "every user read it", "chmod 600 /s"},
		{0o660, self, "write it", "chmod 600 /s"}, {0o602, 0, "write it", "chmod go-w /s"}, {0o666, 0, "write it", "chmod go-w /s"},
		{0o400, other, "belongs to user 1000", "chown "}, {0o644, other, "belongs to user 1000", "chown "}, {0o666, other, "belongs to user 1000", "chown "},
	} {
		t.Run(fmt.Sprintf("%04o of %d", tt.mode, tt.owner), func(t *testing.T) {
			t.Parallel()
			err := judgeOwner("/s", tt.mode, tt.owner, self)
			if tt.want == "" {
				if err != nil {
					t.Errorf("refused: %v", err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), "`"+tt.fix) {
				t.Errorf("got %v, want %q and %q", err, tt.want, tt.fix)
			}
		})
	}
}

func TestQuoted(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]string{"/run/secrets/db-url": "/run/secrets/db-url", "my key": "'my key'", "a'b": `'a'\''b'`, "-f": "'-f'", "": "''"} {
		if got := quoted(path); got != want {
			t.Errorf("%q: %s, want %s", path, got, want)
		}
	}
}
