//go:build clients

package clients_test

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/test/harness"
)

// person sits before the client with a browser, knows the password and allows
// what is asked.
type person struct{ ctx context.Context } //nolint:containedctx // the test's, which a driver lives in

func newPerson(t *testing.T) *person {
	t.Helper()
	return &person{ctx: t.Context()}
}

// visit opens an authorization request in a browser without cookies and returns
// where that led in the end.
func (p *person) visit(target string) (*url.URL, error) {
	return harness.NewBrowser(nil).Visit(p.ctx, target)
}

// deliverTimeout is how long a client may take to listen for its answer.
const deliverTimeout = 20 * time.Second

// deliver takes the browser to the client's own server, which may not be up yet:
// some clients open the browser first.
func (p *person) deliver(answer *url.URL) error {
	ctx, cancel := context.WithTimeout(p.ctx, deliverTimeout)
	defer cancel()
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, answer.String(), http.NoBody)
		if err != nil {
			return err
		}
		res, err := http.DefaultClient.Do(req)
		if err == nil {
			_ = res.Body.Close()
			if res.StatusCode != http.StatusOK {
				return fmt.Errorf("the client answered %s to %s", res.Status, answer)
			}
			return nil
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(20 * time.Millisecond):
		}
	}
}
