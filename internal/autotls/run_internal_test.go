package autotls

import (
	"bytes"
	"errors"
	"log/slog"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestRefusedIsNotRepeated: attempts follow each other within seconds, and the log has a
// line for each name when the reason is new, and then every ten minutes.
func TestRefusedIsNotRepeated(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		m := New(Config{Names: []string{"a.example"}, HTTPS: new(net.TCPAddr), Logger: slog.New(slog.NewTextHandler(&out, nil))})
		defer m.Close()
		const private, other = "x does not qualify for a public certificate", "another reason"
		for _, tt := range []struct {
			after       time.Duration
			name, error string
			lines       int
		}{
			{0, "a.example", private, 1},
			{5 * time.Second, "a.example", private, 0},
			{sayAgain - 6*time.Second, "a.example", private, 0},
			{0, "b.example", private, 1},
			{time.Second, "a.example", private, 1},
			{time.Second, "a.example", private, 0},
			{time.Second, "a.example", other, 1},
			{time.Second, "a.example", private, 1},
		} {
			time.Sleep(tt.after)
			out.Reset()
			m.refused(t.Context(), []string{tt.name}, errors.New(tt.error))
			if got := strings.Count(out.String(), "\n"); got != tt.lines {
				t.Errorf("%s, %s: %d lines, want %d\n%s", tt.name, tt.error, got, tt.lines, out.String())
			}
		}
	})
}
