package server_test

import (
	"net/http"
	"strings"
	"sync"
	"testing"
)

// TestMetadataInParallel: requests share the documents and change nothing in them, which
// the race detector sees.
func TestMetadataInParallel(t *testing.T) {
	t.Parallel()
	s := start(t)
	for _, path := range []string{"/.well-known/oauth-authorization-server", "/.well-known/oauth-protected-resource/mcp"} {
		var all sync.WaitGroup
		for range 16 {
			all.Go(func() {
				a := s.get(path)
				if a.Status != http.StatusOK || !strings.HasSuffix(a.Body, "}\n") {
					t.Errorf("%s: %d %q", path, a.Status, a.Body)
				}
			})
		}
		all.Wait()
	}
}
