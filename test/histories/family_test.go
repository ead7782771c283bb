//go:build chaos

package histories_test

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/mcpkeep/mcpkeep/test/histories"
)

// family is one client with one sign-in, on which several callers act concurrently.
type family struct {
	run *run
	id  int

	mu    sync.Mutex
	line  []string // the pairs of tokens that may exist, oldest first
	offer int
	ops   []porcupine.Operation
}

// setUpTries is how often a family is set up, while processes and databases are killed.
const setUpTries = 100

// newFamily sets up a family; nil when that is not possible.
func (r *run) newFamily() *family {
	f := &family{run: r, id: int(r.family.Add(1))}
	for i := range setUpTries {
		got := r.processes[(f.id+i)%processes].call(histories.Op{Family: f.id, Kind: setUp})
		switch {
		case got == histories.Result{}:
			return f
		case got.Err != "":
			r.t.Errorf("set up family %d: %s", f.id, got.Err)
			return nil
		}
		time.Sleep(50 * time.Millisecond)
	}
	r.t.Errorf("family %d could not be set up", f.id)
	return nil
}

// play makes the calls and returns their history.
func (f *family) play() []porcupine.Operation {
	var all sync.WaitGroup
	for caller := range callers {
		random := rand.New(rand.NewPCG(f.run.seed, uint64(f.id*callers+caller+1)))
		all.Go(func() {
			if caller == 0 {
				f.call(caller, random, f.op(histories.Finish, random))
				f.call(caller, random, f.op(histories.Exchange, random))
			}
			for range callsEach {
				f.call(caller, random, f.op(f.choose(random), random))
			}
		})
	}
	all.Wait()
	return f.ops
}

// choose picks a step: mostly what clients do all the time, sometimes an end.
func (f *family) choose(random *rand.Rand) histories.Kind {
	for _, k := range []struct {
		kind   histories.Kind
		weight float64
	}{
		{histories.Finish, 0.04}, {histories.Exchange, 0.03}, {histories.Delete, 0.02}, {histories.RevokeGrant, 0.02},
		{histories.RevokeToken, 0.02}, {histories.Use, 0.15}, {histories.Access, 0.5},
	} {
		if random.Float64() < k.weight {
			return k.kind
		}
	}
	return histories.Rotate
}

// op fills in a step. Tokens are mostly the newest ones.
func (f *family) op(kind histories.Kind, random *rand.Rand) histories.Op {
	f.mu.Lock()
	defer f.mu.Unlock()
	op := histories.Op{Family: f.id, Kind: kind, Late: random.IntN(4) == 0}
	if n := len(f.line); n > 0 {
		op.Token = f.line[max(0, n-1-int(random.ExpFloat64()*1.5))]
	}
	if kind == histories.Exchange || kind == histories.Rotate {
		f.offer++
		op.Offer = fmt.Sprintf("%d-%d", f.id, f.offer)
	}
	return op
}

// call makes a call at any process and notes it.
func (f *family) call(caller int, random *rand.Rand, op histories.Op) {
	began := time.Since(f.run.began).Nanoseconds()
	got := f.run.processes[random.IntN(processes)].call(op)
	noted := porcupine.Operation{ClientId: caller, Input: op, Output: got, Call: began, Return: time.Since(f.run.began).Nanoseconds()}
	if got.Unknown {
		noted.Return = unanswered
		f.run.unknown.Add(1)
		defer f.await(random)
	}
	if got.Unknown && op.Kind == histories.Access {
		return // which changes nothing, and says nothing
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case got.Unknown && op.Offer != "":
		f.line = append(f.line, op.Offer)
	case got.Token != "" && !got.Repeated:
		f.line = append(f.line, got.Token)
	}
	f.ops = append(f.ops, noted)
}

// await waits until a process answers again: the more calls have no result, the longer the
// checker takes.
func (f *family) await(random *rand.Rand) {
	for range setUpTries {
		if got := f.run.processes[random.IntN(processes)].call(histories.Op{Family: f.id, Kind: histories.Access}); !got.Unknown {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
}
