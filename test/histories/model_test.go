package histories_test

import (
	"testing"

	"github.com/anishathalye/porcupine"

	"github.com/mcpkeep/mcpkeep/test/histories"
)

// step is a call that returned before the next one began.
type step struct {
	op  histories.Op
	got histories.Result
}

// TestModel: the model takes what the contract promises, and nothing else. The last step
// of each case is the one that decides.
func TestModel(t *testing.T) {
	t.Parallel()
	finish, exchange := step{op: histories.Op{Kind: histories.Finish}}, exchanged("a", "")
	rotated := step{histories.Op{Kind: histories.Rotate, Token: "a", Offer: "b"}, histories.Result{Token: "b"}}
	used := step{op: histories.Op{Kind: histories.Use, Token: "b"}}
	revoked := step{op: histories.Op{Kind: histories.RevokeGrant}}
	gone := step{op: histories.Op{Kind: histories.Delete}}
	live := []step{finish, exchange, rotated}
	for name, tt := range map[string]struct {
		before []step
		last   step
		want   bool
	}{
		"a code twice":                {live, exchanged("c", histories.Spent), true},
		"a code for two":              {live, exchanged("c", ""), false},
		"a code of a revoked grant":   {[]step{finish, revoked}, exchanged("a", histories.NotFound), true},
		"a repeat":                    {live, rotation("a", "b", "", false, true), true},
		"a second successor":          {live, rotation("a", "c", "", false, false), false},
		"a late repeat, unused":       {live, rotation("a", "b", "", true, true), true},
		"a late repeat, used":         {append(live, used), rotation("a", "b", "", true, true), false},
		"a late reuse":                {append(live, used), rotation("a", "", histories.Spent, true, false), true},
		"a reuse that is none":        {live, rotation("a", "", histories.Spent, true, false), false},
		"access":                      {live, access("b", "", true), true},
		"access, a use forgotten":     {append(live, used), access("b", "", true), false},
		"access after the revocation": {append(live, revoked), access("b", "", true), false},
		"no access for no reason":     {live, access("b", histories.NotFound, false), false},
		"a client that is gone":       {[]step{gone}, step{finish.op, histories.Result{Err: histories.Gone}}, true},
		"granted to no client":        {[]step{gone}, finish, false},
		"revoked twice":               {append(live, revoked), revoked, false},
		"an error":                    {live, access("b", "500", false), false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var ops []porcupine.Operation
			for i, s := range append(tt.before[:len(tt.before):len(tt.before)], tt.last) {
				ops = append(ops, porcupine.Operation{Input: s.op, Output: s.got, Call: int64(2 * i), Return: int64(2*i + 1)})
			}
			if got := porcupine.CheckOperations(histories.Model(), ops); got != tt.want {
				t.Errorf("taken: %t, want %t", got, tt.want)
			}
		})
	}
}

func exchanged(offer, err string) step {
	s := step{histories.Op{Kind: histories.Exchange, Offer: offer}, histories.Result{Err: err}}
	if err == "" {
		s.got.Token = offer
	}
	return s
}

func rotation(token, gets, err string, late, repeated bool) step {
	return step{
		histories.Op{Kind: histories.Rotate, Token: token, Offer: "c", Late: late},
		histories.Result{Token: gets, Err: err, Repeated: repeated},
	}
}

func access(token, err string, unused bool) step {
	return step{histories.Op{Kind: histories.Access, Token: token}, histories.Result{Err: err, Unused: unused}}
}
