package gateway_test

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// raw sends the bytes of a request and returns the response.
func raw(t *testing.T, address, request string) (*http.Response, string) {
	t.Helper()
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", strings.TrimPrefix(address, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	_ = conn.SetDeadline(time.Now().Add(waitFor))
	if _, err := io.WriteString(conn, request); err != nil {
		t.Fatal(err)
	}
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatalf("%.60q: %v", request, err)
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response, string(body)
}

// TestSmuggling: a request whose end can be read in two ways is refused, or reaches the upstream
// as one request with the same end; nothing behind it becomes a request of its own there.
func TestSmuggling(t *testing.T) {
	t.Parallel()
	const hidden = "POST /mcp HTTP/1.1\r\nHost: x\r\nX-Mcpkeep-User: root\r\nContent-Length: 0\r\n\r\n"
	s := behind(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if len(r.TransferEncoding) > 0 && r.ContentLength >= 0 || r.Header.Get("X-Mcpkeep-User") != "u_alice" || strings.Contains(string(body), "root") {
			t.Errorf("the upstream got %v %d %v %q", r.TransferEncoding, r.ContentLength, r.Header, body)
		}
		w.WriteHeader(http.StatusAccepted)
	})
	for name, headers := range map[string]string{
		"both lengths":           "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
		"both, the other way":    "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
		"two lengths":            "Content-Length: 5\r\nContent-Length: 6\r\n",
		"a list of lengths":      "Content-Length: 5, 6\r\n",
		"a signed length":        "Content-Length: +5\r\n",
		"two encodings":          "Transfer-Encoding: gzip, chunked\r\n",
		"an unknown encoding":    "Transfer-Encoding: xchunked\r\n",
		"a space in the name":    "Transfer-Encoding : chunked\r\n",
		"a folded line":          "Transfer-Encoding:\r\n chunked\r\n",
		"an encoding by another": "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n",
	} {
		response, _ := raw(t, s.URL, "POST /mcp HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nConnection: close\r\n"+headers+"\r\n0\r\n\r\n"+hidden)
		if status := response.StatusCode; status != http.StatusAccepted && status != http.StatusBadRequest && status != http.StatusNotImplemented {
			t.Errorf("%s: %d", name, status)
		}
	}
}

// TestForgedPaths: whatever path and query a client asks for, the upstream gets the configured
// ones.
func TestForgedPaths(t *testing.T) {
	t.Parallel()
	paths := make(chan string, 1)
	s := behind(t, func(w http.ResponseWriter, r *http.Request) {
		paths <- r.RequestURI
		w.WriteHeader(http.StatusAccepted)
	})
	for _, path := range []string{"/mcp/../admin", "/mcp/%2e%2e/admin", "//admin", "/mcp//admin", "/mcp;admin", "/mcp%2fadmin", "/mcp?a=../b", "/%00", "http://other.example/admin", "/mcp%3fa=b"} {
		response, _ := raw(t, s.URL, "POST "+path+" HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}")
		if response.StatusCode != http.StatusAccepted {
			t.Errorf("%s: %d", path, response.StatusCode)
			continue
		}
		if got := <-paths; got != "/mcp" {
			t.Errorf("%s became %s", path, got)
		}
	}
}

// TestInformational: interim responses do not reach the client, and end nothing.
func TestInformational(t *testing.T) {
	t.Parallel()
	s := behind(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Link", "</secret>; rel=preload")
		for range 3 {
			w.WriteHeader(http.StatusEarlyHints)
		}
		w.WriteHeader(http.StatusProcessing)
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, "{}")
	})
	if response, body := raw(t, s.URL, "POST /mcp HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}"); response.StatusCode != http.StatusOK || body != "{}" || response.Header.Get("Link") != "" {
		t.Errorf("got %d %v %s", response.StatusCode, response.Header, body)
	}
}
