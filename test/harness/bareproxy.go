package harness

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// bareVariable has a test program serve a plain reverse proxy in front of a URL, in place of
// its tests.
const bareVariable = "MCPKEEP_TEST_BARE_PROXY"

// ServedBareProxy serves a proxy when [BareProxy] has started this program. Call it from
// TestMain.
func ServedBareProxy() {
	target := os.Getenv(bareVariable)
	if target == "" {
		return
	}
	u, err := url.Parse(target)
	if err != nil {
		panic(err)
	}
	l, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	_, _ = fmt.Fprintln(os.Stdout, l.Addr())
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.Out.URL.Scheme, r.Out.URL.Host, r.Out.Host = u.Scheme, u.Host, u.Host
		},
		Transport: &http.Transport{MaxIdleConnsPerHost: 256, DisableCompression: true}, FlushInterval: -1,
	}
	panic((&http.Server{Handler: proxy, ReadHeaderTimeout: time.Minute}).Serve(l))
}

// BareProxy starts net/http/httputil's proxy in front of a URL, in a process of its own that
// ends with the test, and returns its URL.
func BareProxy(t testing.TB, target string) (at string, pid int) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self) //nolint:noctx // the cleanup ends it
	cmd.Env = append(os.Environ(), bareVariable+"="+target)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	address, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return "http://" + strings.TrimSpace(address), cmd.Process.Pid
}
