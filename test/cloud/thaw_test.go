//go:build cloud

package cloud_test

import (
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/db/pgtest"
	"github.com/mcpkeep/mcpkeep/internal/gcp/gcptest"
	"github.com/mcpkeep/mcpkeep/test/harness"
)

const (
	idleFor   = time.Second             // how long the database keeps an idle connection
	tokenFor  = 1500 * time.Millisecond // how long an access token is good for
	frozenFor = 2500 * time.Millisecond // more than both
	servedIn  = 2 * time.Second         // of the first request
	// slowMachine is how many usual requests more are allowed: a loaded machine takes seconds
	// for anything.
	slowMachine = 10
	refreshIn   = time.Minute     // before a token's end, another one is asked for
	hostsRead   = 6 * time.Second // how long names of the hosts file are remembered
	caSecret    = "projects/" + gcptest.Project + "/secrets/server-ca"
	namedHost   = "instance.internal"
	firstOwner  = "127.0.0.1"
)

// thawing is a service with a client that are to be frozen.
type thawing struct {
	*world
	process *harness.Process
	client  *harness.Client
	keys    string // name of the version
	hosts   string // hosts file of the process, "" for that of the machine
	ca      string // file of the server's authority
}

// TestThaw: a machine that was frozen for longer than its access token and its connections
// lived serves the first request afterwards, soon and without an error. That stays so when the
// world changed in the meantime.
func TestThaw(t *testing.T) {
	t.Parallel()
	times := setting(t, "MCPKEEP_CLOUD_THAWS", 3)
	for name, tt := range map[string]struct {
		named  bool // the instance is known by a name
		secret bool // the authority is in a secret
		frozen time.Duration
		change func(*testing.T, *thawing, int)
	}{
		"nothing changed":      {change: func(*testing.T, *thawing, int) {}},
		"certificate":          {change: func(t *testing.T, s *thawing, _ int) { s.SetCertificate(s.authority.issue(t, longLived)) }},
		"authority in a file":  {change: func(t *testing.T, s *thawing, _ int) { s.rotateAuthority(t, false) }},
		"authority in secret":  {secret: true, change: func(t *testing.T, s *thawing, _ int) { s.rotateAuthority(t, true) }},
		"key version disabled": {change: func(_ *testing.T, s *thawing, _ int) { s.SetState(s.keys, gcptest.Disabled) }},
		"address":              {named: true, frozen: hostsRead, change: func(t *testing.T, s *thawing, i int) { s.move(t, i) }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := startThawing(t, tt.named, tt.secret)
			var slowest time.Duration
			for i := range times {
				slowest = max(slowest, s.thaw(t, max(tt.frozen, frozenFor), func() { tt.change(t, s, i) }))
			}
			t.Logf("%d times: the slowest first request took %v", times, slowest)
		})
	}
}

// startThawing starts a service whose tokens and connections live shortly.
func startThawing(t *testing.T, named, secret bool) *thawing {
	t.Helper()
	w := newWorld(t, pgtest.Setting("idle_session_timeout", strconv.FormatInt(idleFor.Milliseconds(), 10)))
	w.SetLifetime(refreshIn + tokenFor)
	w.SetEarly(refreshIn)
	w.SetCertificate(w.authority.issue(t, longLived))
	s := &thawing{world: w, ca: w.authority.file}
	roots, host := s.ca, w.Addr
	if secret {
		w.AddVersion(caSecret, string(w.authority.pem))
		roots = "gcpsecret:" + caSecret + "/versions/latest"
	}
	opts := w.options("")
	if named {
		host = namedHost + host[len(firstOwner):]
		opts.Binary = s.withHosts(t)
	}
	opts.Database = "postgres://" + host + "/" + gcptest.Database + "?sslmode=verify-ca&sslrootcert=" + url.QueryEscape(roots)
	s.keys = keysSecret + "/versions/1"
	s.process = harness.Start(t, opts)
	s.client = harness.NewClient(s.process.URL, nil)
	must(t, s.client.SignIn(t.Context(), harness.NewBrowser(nil)))
	return s
}

// thaw freezes the process, changes the world and has a client refresh and call right after it
// is thawed. It returns how long the first request took.
func (s *thawing) thaw(t *testing.T, frozen time.Duration, change func()) time.Duration {
	t.Helper()
	usual := time.Now()
	must(t, s.client.Refresh(t.Context()))
	limit := servedIn + slowMachine*time.Since(usual)
	must(t, syscall.Kill(s.process.PID(), syscall.SIGSTOP))
	change()
	time.Sleep(frozen)
	began := time.Now()
	must(t, syscall.Kill(s.process.PID(), syscall.SIGCONT))
	err := s.client.Refresh(t.Context())
	took := time.Since(began)
	if err != nil || took > limit {
		t.Fatalf("the first request: %v after %v\n%s", err, took, s.process.Logs.Tail(2000))
	}
	call(t, s.client)
	return took
}

// rotateAuthority has the instance present a certificate of a new authority. The service finds
// both, as Cloud SQL's downloads have it during a rotation.
func (s *thawing) rotateAuthority(t *testing.T, secret bool) {
	t.Helper()
	next := newAuthority(t)
	both := append(append([]byte{}, s.authority.pem...), next.pem...)
	if secret {
		s.AddVersion(caSecret, string(both))
	} else {
		must(t, os.WriteFile(s.ca, both, 0o600))
	}
	s.authority = next
	s.SetCertificate(next.issue(t, longLived))
	s.Disconnect()
}

// withHosts returns a program that runs ours with a hosts file of its own.
func (s *thawing) withHosts(t *testing.T) string {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root: a hosts file for one process")
	}
	dir := t.TempDir()
	s.hosts = filepath.Join(dir, "hosts")
	s.nameOwner(t, firstOwner)
	path := filepath.Join(dir, "mcpkeep")
	script := fmt.Sprintf("#!/bin/sh\nexec unshare -m sh -c 'mount --bind %s /etc/hosts && exec %s \"$@\"' mcpkeep \"$@\"\n", s.hosts, harness.Build(t))
	must(t, os.WriteFile(path, []byte(script), 0o700))
	return path
}

func (s *thawing) nameOwner(t *testing.T, address string) {
	t.Helper()
	must(t, os.WriteFile(s.hosts, []byte("127.0.0.1 localhost\n"+address+" "+namedHost+"\n"), 0o600))
}

// move gives the instance another address under its name.
func (s *thawing) move(t *testing.T, i int) {
	t.Helper()
	address := fmt.Sprintf("127.0.0.%d", i+2)
	must(t, s.Move(address))
	s.nameOwner(t, address)
}
