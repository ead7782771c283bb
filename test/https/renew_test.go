//go:build https

package https_test

import (
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/test/harness"
)

// TestRenewalUnderLoad: while certificates that are good for seconds are renewed again and
// again, no connection to one of two replicas fails.
func TestRenewalUnderLoad(t *testing.T) {
	t.Parallel()
	a := newAuthority(t, 30*time.Second)
	options := harness.Options{Database: harness.SQLite(t), Env: []string{"MCPKEEP_ENCRYPTION_KEYS=" + harness.NewKey(t)}}
	a.start(t, options)
	second := a.start(t, options)
	a.served(t, second.https, "", 30*time.Second)
	a.served(t, a.front.https.Addr().String(), "", 30*time.Second)
	a.served(t, (*a.front.replicas.Load())[0].https, "", 30*time.Second)

	var requests atomic.Int64
	var serials sync.Map
	var load sync.WaitGroup
	before := a.orders.Load() // on a slow machine, renewals have begun
	end := time.Now().Add(55 * time.Second)
	for range 4 {
		load.Go(func() {
			client := a.client(a.front.https.Addr().String())
			for time.Now().Before(end) {
				res, serial, err := get(t.Context(), client, "https://"+host+"/healthz")
				if err != nil || res.StatusCode != http.StatusOK {
					t.Errorf("after %d requests: %v, %v", requests.Load(), res, err)
					return
				}
				requests.Add(1)
				serials.Store(serial, true)
				time.Sleep(10 * time.Millisecond)
			}
		})
	}
	load.Wait()
	certificates := 0
	serials.Range(func(any, any) bool { certificates++; return true })
	orders := int(a.orders.Load() - before)
	t.Logf("%d requests on connections of their own, %d certificates, %d orders meanwhile", requests.Load(), certificates, orders)
	// The first is older; the last may come when the load has ended, and on a slow machine one may
	// be replaced before a request sees it.
	if certificates < 3 || orders > certificates+2 {
		t.Errorf("%d certificates, the first one included, and %d orders; want at least 3 and hardly more orders", certificates, orders)
	}
}

// TestAuthorityAway: at start the server says so and tries again until it has a
// certificate. At a renewal it says so and serves the certificate that it has.
func TestAuthorityAway(t *testing.T) {
	t.Parallel()
	a := newAuthority(t, 45*time.Second)
	a.answer(away)
	r := a.start(t, harness.Options{Database: harness.SQLite(t), Env: []string{"MCPKEEP_ENCRYPTION_KEYS=" + harness.NewKey(t)}})
	r.says(t, "no certificate, so HTTPS does not work: the certificate authority")
	a.answer(nil)
	serial := a.served(t, r.https, "", 30*time.Second)
	a.answer(away)
	if !eventually(40*time.Second, func() bool {
		_, _, err := get(t.Context(), a.client(r.https), "https://"+host+"/healthz")
		if err != nil {
			t.Error("the valid certificate is not served:", err)
		}
		return err != nil || r.renewalFailed()
	}) {
		t.Fatal("no renewal was tried")
	}
	if got := a.served(t, r.https, "", 5*time.Second); got != serial {
		t.Errorf("certificate %s, want %s still", got, serial)
	}
	a.answer(nil)
	a.served(t, r.https, serial, 30*time.Second)
}
