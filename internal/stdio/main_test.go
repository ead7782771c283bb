package stdio_test

import (
	"bufio"
	"context"
	"encoding/hex"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime/pprof"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/principal"
	"github.com/mcpkeep/mcpkeep/internal/stdio"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// TestMain fails when a goroutine of the package is left after all tests.
func TestMain(m *testing.M) {
	status := m.Run()
	deadline := time.Now().Add(10 * time.Second)
	for status == 0 {
		var stacks strings.Builder
		_ = pprof.Lookup("goroutine").WriteTo(&stacks, 2)
		if !strings.Contains(stacks.String(), "internal/stdio.(") {
			break
		}
		if time.Now().After(deadline) {
			_, _ = os.Stderr.WriteString("goroutines are left:\n" + stacks.String())
			status = 1
		}
		time.Sleep(50 * time.Millisecond)
	}
	os.Exit(status)
}

type object = map[string]any

// peer is an MCP server in a goroutine, as a process would be.
type peer struct {
	in  *bufio.Scanner
	out io.Writer
	mu  sync.Mutex

	stopped  chan struct{}
	user     string
	answers  sync.Map // responses by id
	received func(m object)
}

// say writes a line.
func (p *peer) say(m object) {
	m["jsonrpc"] = "2.0"
	line, err := json.Marshal(m)
	if err != nil {
		panic(err)
	}
	p.write(string(line) + "\n")
}

func (p *peer) write(s string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	_, _ = io.WriteString(p.out, s)
}

// ask sends a request and returns the response.
func (p *peer) ask(id any, method string, params object) object {
	key, _ := json.Marshal(id)
	answer := make(chan object, 1)
	p.answers.Store(string(key), answer)
	p.say(object{"id": id, "method": method, "params": params})
	select {
	case m := <-answer:
		return m
	case <-p.stopped:
		return nil
	}
}

// serve runs the server: handle answers each request, in a goroutine of its own.
func (p *peer) serve(handle func(p *peer, m object)) {
	for p.in.Scan() {
		var m object
		if json.Unmarshal(p.in.Bytes(), &m) != nil {
			panic("mcpkeep sent no JSON: " + p.in.Text())
		}
		if p.received != nil {
			p.received(m)
		}
		if m["method"] == nil {
			key, _ := json.Marshal(m["id"])
			if answer, ok := p.answers.LoadAndDelete(string(key)); ok {
				answer.(chan object) <- m
			}
			continue
		}
		go handle(p, m)
	}
}

// fleet starts processes and counts them.
type fleet struct {
	handle   func(p *peer, m object)
	began    func(p *peer) // before anything is read
	received func(m object)
	started  atomic.Int32
	running  atomic.Int32
}

func (f *fleet) launch(_ context.Context, who principal.Principal, _ string) (stdio.Process, error) {
	inReader, inWriter := io.Pipe()
	outReader, outWriter := io.Pipe()
	scanner := bufio.NewScanner(inReader)
	scanner.Buffer(nil, 32<<20)
	p := &peer{in: scanner, out: outWriter, stopped: make(chan struct{}), user: who.User.ID, received: f.received}
	f.started.Add(1)
	f.running.Add(1)
	go func() {
		if f.began != nil {
			f.began(p)
		}
		p.serve(f.handle)
		_ = outWriter.Close()
		_ = inReader.Close()
		f.running.Add(-1)
		close(p.stopped)
	}()
	end := func() { _ = inWriter.Close() }
	return stdio.Process{Stdin: inWriter, Stdout: outReader, Done: p.stopped, Gone: p.stopped, Stop: end, Kill: end}, nil
}

// die ends a process as a crash does.
func (p *peer) die() { _ = p.out.(*io.PipeWriter).Close() }

// alice calls unless a test says otherwise.
var alice = principal.Principal{User: storage.User{ID: "u_alice"}, ClientID: "c_1", GrantID: "g_1"}

func config(f *fleet, mode stdio.Mode) stdio.Config {
	return stdio.Config{
		Name: "test", Mode: mode, Launch: f.launch, Processes: 200, PerUser: 5, Idle: time.Minute, Start: 5 * time.Second,
		MaxBody: 4 << 20, MaxConcurrent: 32, Version: "1", Logger: slog.New(slog.DiscardHandler),
		States: plain{},
	}
}

// plain are states that a test can read and change.
type plain struct{}

func (plain) Seal(text []byte) (string, error) { return hex.EncodeToString(text), nil }

func (plain) Open(text string) ([]byte, bool) {
	b, err := hex.DecodeString(text)
	return b, err == nil
}

// front serves to a principal, whom a header of the test may replace.
func front(t *testing.T, cfg stdio.Config) (*httptest.Server, *stdio.Upstream) {
	t.Helper()
	u, err := stdio.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p := alice
		if user, client, ok := strings.Cut(r.Header.Get("Test-Caller"), " "); ok {
			p.User.ID, p.ClientID, p.GrantID = user, client, "g_"+user
		}
		ctx := storage.WithActor(r.Context(), storage.Actor{Reference: "ref123"})
		u.ServeHTTP(w, r.WithContext(principal.NewContext(ctx, p)))
	}))
	t.Cleanup(func() {
		u.Close()
		s.CloseClientConnections()
		s.Close()
	})
	return s, u
}
