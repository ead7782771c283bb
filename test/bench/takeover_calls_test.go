//go:build bench

package bench_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/fastmcp/fastmcptest"
)

const (
	// firstUses is how many sessions are measured request by request, with each kind of token.
	firstUses = 200
	laterUses = 20 // of each
)

// calls measures calls with tokens of FastMCP and with tokens of mcpkeep, in turns.
func (w *takeoverBench) calls() []string {
	w.Helper()
	stop := w.serve()
	defer stop()
	var ours []string
	for _, s := range w.measured[firstUses:] {
		ours = append(ours, w.refresh(s))
	}
	turn := func() (theirs, own []float64) {
		for i, s := range w.measured[:firstUses] {
			theirs, own = append(theirs, w.call(s.Access)), append(own, w.call(ours[i]))
		}
		return theirs, own
	}
	first, ownFirst := turn()
	var later, ownLater []float64
	for range laterUses {
		theirs, own := turn()
		later, ownLater = append(later, theirs...), append(ownLater, own...)
	}
	lines := []string{
		w.line("the first", quartile(first), quartile(ownFirst)), w.line("from the second on", quartile(later), quartile(ownLater)),
	}
	_, _ = os.Stdout.WriteString(strings.Join(lines, "\n") + "\n")
	return lines
}

func (w *takeoverBench) line(what string, theirs, own float64) string {
	milliseconds := func(v float64) string { return fmt.Sprintf("%.2f ms", v/millisecond) }
	return cells(what, w.engine, thousands(w.total), milliseconds(theirs), milliseconds(own), fmt.Sprintf("%.2f", theirs/own))
}

// serve runs the program until stop is called.
func (w *takeoverBench) serve() (stop func()) {
	w.Helper()
	cmd := exec.CommandContext(w.Context(), w.binary, "serve")
	cmd.Env, cmd.Stderr = w.env, os.Stderr
	must(w, cmd.Start())
	for began := time.Now(); ; time.Sleep(50 * time.Millisecond) {
		if res, err := http.Get("http://" + w.address + "/readyz"); err == nil {
			_ = res.Body.Close()
			if res.StatusCode == http.StatusOK {
				break
			}
		}
		if time.Since(began) > time.Minute {
			w.Fatal("not ready")
		}
	}
	return func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_ = cmd.Wait()
	}
}

// call calls the MCP endpoint once, and returns how many nanoseconds it took.
func (w *takeoverBench) call(token string) float64 {
	w.Helper()
	const body = `{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"b","version":"1"}}}`
	req, err := http.NewRequestWithContext(w.Context(), http.MethodPost, "http://"+w.address+"/mcp", strings.NewReader(body))
	must(w, err)
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json, text/event-stream")
	began := time.Now()
	res, err := http.DefaultClient.Do(req)
	must(w, err)
	text, err := io.ReadAll(res.Body)
	must(w, err)
	_ = res.Body.Close()
	if res.StatusCode != http.StatusOK {
		w.Fatalf("status %d: %s", res.StatusCode, text)
	}
	return float64(time.Since(began))
}

// refresh exchanges a refresh token of FastMCP for an access token of mcpkeep.
func (w *takeoverBench) refresh(s fastmcptest.Session) string {
	w.Helper()
	res, err := http.PostForm("http://"+w.address+"/token", url.Values{
		"grant_type": {"refresh_token"}, "refresh_token": {s.Refresh}, "client_id": {s.ClientID},
	})
	must(w, err)
	defer func() { _ = res.Body.Close() }()
	var got struct {
		AccessToken string `json:"access_token"`
	}
	must(w, json.NewDecoder(res.Body).Decode(&got))
	if res.StatusCode != http.StatusOK {
		w.Fatalf("refresh: status %d", res.StatusCode)
	}
	return got.AccessToken
}
