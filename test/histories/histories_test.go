//go:build chaos

package histories_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/mcpkeep/mcpkeep/internal/db/dbtest"
	"github.com/mcpkeep/mcpkeep/internal/db/pgtest"
	"github.com/mcpkeep/mcpkeep/internal/keyring"
	"github.com/mcpkeep/mcpkeep/internal/repo/repotest"
	"github.com/mcpkeep/mcpkeep/test/harness"
	"github.com/mcpkeep/mcpkeep/test/histories"
)

const (
	fewOperations = 6000 // of each engine, unless MCPKEEP_HISTORY_OPERATIONS says otherwise
	processes     = 3
	familiesAtOne = 6 // that are under way concurrently
	callers       = 4 // of each family
	callsEach     = 8
	checkFor      = 30 * time.Second // of one family
	unanswered    = int64(1) << 62   // when a call returned whose result is unknown
)

// TestLinearizable: guarantees 1 to 4. What several processes do with one sign-in is a
// sequence that the contract allows, while they and the database are killed.
func TestLinearizable(t *testing.T) {
	for _, engine := range []string{"sqlite", "postgres"} {
		t.Run(engine, func(t *testing.T) {
			r := newRun(t, "")
			if engine == "postgres" {
				cluster := pgtest.NewCluster(t, pgtest.Setting("fsync", "on"), pgtest.Setting("synchronous_commit", "on"))
				r.crash = func() error {
					if err := cluster.Stop(true); err != nil {
						return err
					}
					return cluster.Start()
				}
				r.open(cluster.DSN())
			} else {
				r.open(harness.SQLite(t))
			}
			r.play()
			t.Log(r.report())
			for _, broken := range r.broken {
				t.Error(broken)
			}
			if r.undecided.Load()*50 > r.family.Load() {
				t.Errorf("%d histories could not be decided in time", r.undecided.Load())
			}
			if r.kills.Load() == 0 || r.crash != nil && r.crashes.Load() == 0 || r.unknown.Load() == 0 {
				t.Error("the faults were too few to tell anything")
			}
		})
	}
}

// TestFaultIsFound: the checker finds a store that breaks the contract.
func TestFaultIsFound(t *testing.T) {
	for _, fault := range []string{staleFault, lostFault, forgottenFault} {
		t.Run(fault, func(t *testing.T) {
			r := newRun(t, fault)
			r.operations = min(r.operations, fewOperations)
			r.open(harness.SQLite(t))
			r.play()
			t.Log(r.report())
			if len(r.broken) == 0 {
				t.Error("no history shows the fault")
			}
		})
	}
}

// run is one experiment on one database.
type run struct {
	t          *testing.T
	fault      string
	seed       uint64
	operations int64
	crash      func() error // of the database; nil for none
	processes  []*process
	began      time.Time

	family, done, unknown, kills, crashes atomic.Int64

	mu     sync.Mutex
	broken []string
	// undecided histories are those for which the checker had too little time.
	undecided atomic.Int64
}

func newRun(t *testing.T, fault string) *run {
	t.Helper()
	r := &run{t: t, fault: fault, operations: fewOperations, seed: uint64(time.Now().UnixNano()), began: time.Now()}
	for name, set := range map[string]func(int64){
		"MCPKEEP_HISTORY_OPERATIONS": func(n int64) { r.operations = n },
		"MCPKEEP_CHAOS_SEED":         func(n int64) { r.seed = uint64(n) },
	} {
		if value := os.Getenv(name); value != "" {
			n, err := strconv.ParseInt(value, 10, 64)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			set(n)
		}
	}
	t.Logf("MCPKEEP_CHAOS_SEED=%d", r.seed)
	return r
}

// open makes the database and starts the processes.
func (r *run) open(url string) {
	r.t.Helper()
	key := keyring.Generate()
	d := dbtest.Open(r.t, url)
	if _, err := d.Migrate(r.t.Context()); err != nil {
		r.t.Fatal(err)
	}
	repotest.Open(r.t, d, key)
	for range processes {
		r.processes = append(r.processes, launch(r.t, envURL+"="+url, envKey+"="+key, envFault+"="+r.fault))
	}
}

// play runs families until there were enough calls.
func (r *run) play() {
	stop := make(chan struct{})
	var faults, all sync.WaitGroup
	if r.fault == "" {
		faults.Go(func() { r.breakThings(stop) })
	}
	for range familiesAtOne {
		all.Go(func() {
			for r.done.Load() < r.operations {
				r.check(r.newFamily())
			}
		})
	}
	all.Wait()
	close(stop)
	faults.Wait()
}

// breakThings kills processes and now and then the database.
func (r *run) breakThings(stop <-chan struct{}) {
	random := rand.New(rand.NewPCG(r.seed, 0))
	for i := 1; ; i++ {
		select {
		case <-stop:
			return
		case <-time.After(time.Duration(50+random.IntN(400)) * time.Millisecond):
		}
		if r.crash != nil && i%4 == 3 {
			if err := r.crash(); err != nil {
				r.t.Error(err)
				return
			}
			r.crashes.Add(1)
			continue
		}
		r.processes[random.IntN(processes)].kill()
		r.kills.Add(1)
	}
}

// check compares the history of a family with the model.
func (r *run) check(f *family) {
	if f == nil {
		return
	}
	ops := f.play()
	r.done.Add(int64(len(ops)))
	switch porcupine.CheckOperationsTimeout(histories.Model(), ops, checkFor) {
	case porcupine.Ok:
	case porcupine.Unknown: // too many operations without an answer, or a machine under load
		r.undecided.Add(1)
	case porcupine.Illegal:
		r.mu.Lock()
		defer r.mu.Unlock()
		r.broken = append(r.broken, fmt.Sprintf("sign-in %d: not linearizable\n%s", f.id, describe(ops)))
	}
}

// describe lists a history in the order of the calls.
func describe(ops []porcupine.Operation) string {
	slices.SortFunc(ops, func(a, b porcupine.Operation) int { return int(a.Call - b.Call) })
	var text string
	for _, op := range ops {
		text += fmt.Sprintf("  %d-%d caller %d: %+v -> %+v\n", op.Call/1000, op.Return/1000, op.ClientId, op.Input, op.Output)
	}
	return text
}

func (r *run) report() string {
	return fmt.Sprintf("%d operations of %d sign-ins in %v: %d kills, %d crashes of the database, %d operations without an answer, %d histories that are not linearizable, %d not decided in time",
		r.done.Load(), r.family.Load(), time.Since(r.began).Round(time.Millisecond), r.kills.Load(), r.crashes.Load(), r.unknown.Load(), len(r.broken), r.undecided.Load())
}
