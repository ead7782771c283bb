package gateway_test

import (
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/mcpkeep/mcpkeep/internal/gateway"
	"github.com/mcpkeep/mcpkeep/internal/rules"
)

// TestAtTheLimit: a user whose calls are as many as there may be can answer what they ask, and
// cancel them. Further calls do not come in that way, however they are written.
func TestAtTheLimit(t *testing.T) {
	t.Parallel()
	answer := `{"jsonrpc":"2.0","id":7,"result":{"content":"` + strings.Repeat("x", 300<<10) + `"}}`
	for name, policy := range map[string]*rules.Policy{"without rules": nil, "with rules": rules.New([]rules.Rule{{Tools: []string{"x"}, Deny: true}})} {
		running, finish, seen := make(chan bool, 10), make(chan bool), make(chan string, 10)
		_, s := changed(t, func(w http.ResponseWriter, r *http.Request) {
			content, _ := io.ReadAll(r.Body)
			if strings.Contains(string(content), "ping") || strings.Contains(string(content), "slow") {
				running <- true
				<-finish
			} else {
				seen <- string(content)
			}
			w.WriteHeader(http.StatusAccepted)
		}, func(cfg *gateway.Config) { cfg.MaxConcurrent, cfg.Rules = 1, policy })
		end := sync.OnceFunc(func() { close(finish) })
		t.Cleanup(end)
		status := make(chan int, 2)
		post := func(body string) int {
			response, _ := send(t, http.MethodPost, s.URL, body, "Content-Type", "application/json")
			return response.StatusCode
		}
		go func() { status <- post(ping) }()
		eventually(t, running, "the call")
		for _, message := range []string{answer, `{"jsonrpc":"2.0","id":7,"error":{"code":1,"message":"no"}}`, `{"jsonrpc":"2.0","method":"notifications/progress"}`} {
			if got := post(message); got != http.StatusAccepted {
				t.Fatalf("%s: %.60s got %d", name, message, got)
			} else if arrived := <-seen; arrived != message {
				t.Errorf("%s: %.60s arrived as %.60s", name, message, arrived)
			}
		}
		for _, call := range []string{
			ping, `{"id":null,"method":"x","jsonrpc":"2.0"}`, `[{"jsonrpc":"2.0","method":"n"},{"jsonrpc":"2.0","id":1,"method":"x"}]`,
			`{"jsonrpc":"2.0","method":"x","params":{"id":1,"method":"y"},"id":1}`,
		} {
			if got := post(call); got != http.StatusTooManyRequests {
				t.Errorf("%s: %s got %d", name, call, got)
			}
		}
		go func() { status <- post(`{"jsonrpc":"2.0","method":"notifications/slow"}`) }()
		eventually(t, running, "the notification")
		if got := post(answer); got != http.StatusTooManyRequests {
			t.Errorf("%s: one message too many got %d", name, got)
		}
		if got := post(`{"jsonrpc":"2.0","id":7,"result":"` + strings.Repeat("x", 2<<20) + `"}`); got != http.StatusRequestEntityTooLarge {
			t.Errorf("%s: a message too large got %d", name, got)
		}
		end()
		for range 2 {
			if got := eventually(t, status, "the end"); got != http.StatusAccepted {
				t.Errorf("%s: %d", name, got)
			}
		}
		if got := post(answer); got != http.StatusAccepted {
			t.Errorf("%s: afterwards %d", name, got)
		}
	}
}
