package stdio_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"github.com/mcpkeep/mcpkeep/internal/stdio"
)

// lockedLog is a log in memory.
type lockedLog struct {
	mu sync.Mutex
	bytes.Buffer
}

func (l *lockedLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.Buffer.Write(p)
}

// TestSkippedLines: lines that mean nothing are logged up to a number and a length, all are
// counted, and none that no one waits for is shown, which may be a result.
func TestSkippedLines(t *testing.T) {
	t.Parallel()
	log := new(lockedLog)
	cfg := config(&fleet{handle: func(p *peer, m object) {
		if m["method"] != "ping" {
			everything(p, m)
			return
		}
		p.write(`{"jsonrpc":"2.0","id":9999,"result":{"text":"result-of-someone"}}` + "\n" + `{"jsonrpc":"2.0","id":"x","result":{"text":"result-of-someone"}}` + "\n")
		for range 30 {
			p.write(strings.Repeat("banner ", 1000) + "\n")
		}
		p.write(fmt.Sprintf(`{"jsonrpc":"2.0","id":%v,"result":{}}`, m["id"]) + "\n")
	}}, stdio.PerSession)
	cfg.Logger = slog.New(slog.NewJSONHandler(log, nil))
	s, u := front(t, cfg)
	connect(t, s.URL, "").call("p", "ping", nil)
	u.Close()
	log.mu.Lock()
	defer log.mu.Unlock()
	shown, counted := 0, 0.0
	for line := range strings.Lines(log.String()) {
		var entry map[string]any
		if err := json.Unmarshal([]byte(line), &entry); err != nil {
			t.Fatal(err)
		}
		switch text, _ := entry["line"].(string); entry["msg"] {
		case "the server wrote a line that means nothing":
			if shown++; len(text) > 600 {
				t.Errorf("%d bytes of a line are logged", len(text))
			}
		case "the server wrote lines that mean nothing":
			counted, _ = entry["lines"].(float64)
		}
	}
	if shown != 20 || counted != 32 || strings.Contains(log.String(), "someone") {
		t.Errorf("%d of %v lines are shown: %.300s", shown, counted, log.String())
	}
}
