package histories

import (
	"slices"

	"github.com/anishathalye/porcupine"
)

// Kind is a storage step.
type Kind string

// The steps, on one client with one sign-in each.
const (
	Finish      Kind = "finish"       // FinishAuthorization
	Exchange    Kind = "exchange"     // ExchangeCode
	Rotate      Kind = "rotate"       // RotateRefreshToken, which also repeats
	Use         Kind = "use"          // UseTokens
	Access      Kind = "access"       // Access
	RevokeGrant Kind = "revoke grant" // RevokeGrant
	RevokeToken Kind = "revoke token" // RevokeToken, of a refresh token
	Delete      Kind = "delete"       // DeleteClient
)

// Op is a call. Token names the pair of tokens that it presents, Offer the one that it
// brings. A late call is one of an hour later, long after the grace window of early ones.
type Op struct {
	Family int    `json:"family"`
	Kind   Kind   `json:"kind"`
	Token  string `json:"token,omitempty"`
	Offer  string `json:"offer,omitempty"`
	Late   bool   `json:"late,omitempty"`
}

// The errors of results; any other text is an error that no model allows.
const (
	NotFound = "not found"
	Spent    = "spent"
	Gone     = "the client is gone"
)

// Result is what a call returned. Unknown: it returned nothing, or storage.ErrUnavailable
// while its process or the database was killed, and may have happened or not.
type Result struct {
	Unknown  bool   `json:"unknown,omitempty"`
	Err      string `json:"error,omitempty"`
	Token    string `json:"token,omitempty"`    // the pair that it issued
	Repeated bool   `json:"repeated,omitempty"` // an earlier call issued the pair
	Unused   bool   `json:"unused,omitempty"`   // no use of an access token's pair is recorded
}

// usage is when a pair was first used.
type usage int

const (
	never usage = iota
	early
	late
)

// pair is a refresh token and its access token.
type pair struct {
	token string
	used  usage
}

// state is one client with its sign-in, grant and line of tokens, the newest last.
type state struct {
	finished, exchanged, revoked, deleted bool
	line                                  []pair
}

// outcome is what the contract allows a call to return, and the state after it.
type outcome struct {
	result Result
	after  state
}

// Model is the contract of storage.Store for these steps. Its operations are those of one
// family.
func Model() porcupine.Model {
	model := porcupine.NondeterministicModel{
		Init: func() []any { return []any{state{}} },
		Step: func(before, input, output any) []any {
			var after []any
			s, op, got := as[state](before), as[Op](input), as[Result](output)
			for _, o := range s.outcomes(op) {
				if got.Unknown || got == o.result {
					after = append(after, o.after)
				}
			}
			return after
		},
		Equal: func(a, b any) bool { return as[state](a).equal(as[state](b)) },
	}
	return model.ToModel()
}

// as is a value that porcupine hands back. It has no types of ours.
func as[T any](v any) T {
	typed, ok := v.(T)
	if !ok {
		panic("a history of something else")
	}
	return typed
}

func (s state) equal(o state) bool {
	return s.finished == o.finished && s.exchanged == o.exchanged && s.revoked == o.revoked && s.deleted == o.deleted &&
		slices.Equal(s.line, o.line)
}

// outcomes returns what a call may do.
func (s state) outcomes(op Op) []outcome {
	switch op.Kind {
	case Finish:
		return one(s.finish())
	case Exchange:
		return one(s.exchange(op.Offer))
	case Rotate:
		return one(s.rotate(op))
	case Use:
		return one(Result{}, s.use(s.find(op.Token), op.Late))
	case Access:
		i := s.find(op.Token)
		if s.revoked || i < 0 {
			return one(Result{Err: NotFound}, s)
		}
		return one(Result{Unused: i > 0 && s.line[i].used == never}, s)
	case RevokeGrant:
		if !s.finished || s.revoked {
			return one(Result{Err: NotFound}, s)
		}
		return one(Result{}, s.end())
	case RevokeToken:
		if s.find(op.Token) < 0 {
			return one(Result{}, s)
		}
		return one(Result{}, s.end())
	case Delete:
		return one(s.remove())
	}
	return nil
}

func one(r Result, after state) []outcome { return []outcome{{r, after}} }

// finish grants once, and not for a client that is gone.
func (s state) finish() (Result, state) {
	if s.finished {
		return Result{Err: Spent}, s
	}
	if s.deleted {
		return Result{Err: Gone}, s
	}
	s.finished = true
	return Result{}, s
}

// exchange redeems the code once; again, it revokes.
func (s state) exchange(offer string) (Result, state) {
	switch {
	case s.exchanged:
		return Result{Err: Spent}, s.end()
	case !s.finished || s.revoked:
		return Result{Err: NotFound}, s
	}
	s.exchanged, s.line = true, []pair{{token: offer}}
	return Result{Token: offer}, s
}

// rotate spends the newest token. An older one yields the newest while its successor is
// unused or was used within the window before; after that it revokes.
func (s state) rotate(op Op) (Result, state) {
	i, last := s.find(op.Token), len(s.line)-1
	switch {
	case s.revoked || i < 0:
		return Result{Err: NotFound}, s
	case i == last:
		s = s.use(i, op.Late)
		s.line = append(slices.Clone(s.line), pair{token: op.Offer})
		return Result{Token: op.Offer}, s
	case op.Late && s.line[i+1].used == early:
		return Result{Err: Spent}, s.end()
	}
	return Result{Token: s.line[last].token, Repeated: true}, s
}

// use records the first use of a pair that succeeds another one.
func (s state) use(i int, isLate bool) state {
	if i <= 0 || s.line[i].used != never {
		return s
	}
	s.line = slices.Clone(s.line)
	s.line[i].used = early
	if isLate {
		s.line[i].used = late
	}
	return s
}

// remove deletes the client with its grant.
func (s state) remove() (Result, state) {
	if s.deleted {
		return Result{Err: NotFound}, s
	}
	if s.finished {
		s.revoked = true
	}
	s.deleted = true
	return Result{}, s
}

func (s state) end() state {
	s.revoked = true
	return s
}

// find returns the place of a pair in the line, -1 for none.
func (s state) find(token string) int {
	return slices.IndexFunc(s.line, func(p pair) bool { return p.token == token })
}
