package adopt

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/fastmcp"
	"github.com/mcpkeep/mcpkeep/internal/oauth"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// What anyone can present without a row of FastMCP.
var (
	errNoCode      = errors.New("there is no such code")
	errNoRequest   = errors.New("there is no such sign-in")
	errCodeRequest = errors.New("the request with the code is not valid")
	errNoClient    = errors.New("its client is not registered")
)

// isInvented reports whether anyone can make up what is refused, or keep it until it expires.
func isInvented(why error) bool {
	var claim *fastmcp.TokenError
	if errors.As(why, &claim) {
		return !claim.Signed || claim.Expired
	}
	return errors.Is(why, errNoCode) || errors.Is(why, errNoRequest) || errors.Is(why, errCodeRequest) || errors.Is(why, errNoClient)
}

// StatePrefix begins the ID of each sign-in that begins here, which is the state at the provider.
const StatePrefix = "st"

// unknownRequest refuses the ID of a sign-in that FastMCP has no row of. One of ours that has
// ended is no sign of anything.
func (a *Adopter) unknownRequest(ctx context.Context, id string) error {
	if a == nil || id == "" || strings.HasPrefix(id, StatePrefix+"_") {
		return ErrRefused
	}
	return a.refuse(ctx, storage.ForeignToken{}, errNoRequest)
}

// RecognizesCode reports whether a code is none of ours, so that FastMCP may have issued it. A
// nil adopter recognizes none.
func (a *Adopter) RecognizesCode(code string) bool {
	return a != nil && code != "" && !oauth.WellFormed(oauth.KindCode, code)
}

// RefuseCode records that a registered client presented a code of FastMCP, or what may be one,
// in a request that is refused before its row is read.
func (a *Adopter) RefuseCode(ctx context.Context, code, clientID string) {
	if a.RecognizesCode(code) {
		_ = a.refuse(ctx, storage.ForeignToken{ClientID: clientID}, errCodeRequest) // which the request gets anyway
	}
}

// RefuseClient records that a client that is not registered presented a code or a refresh token
// of FastMCP, or what may be one.
func (a *Adopter) RefuseClient(ctx context.Context, code, refreshToken string) {
	if a.RecognizesCode(code) || a.Recognizes(refreshToken) {
		_ = a.refuse(ctx, storage.ForeignToken{}, errNoClient) // which the request gets anyway
	}
}

// intake bounds how many tokens reach the audit trail whose refusal needs no database, so
// that inventing them costs none.
type intake struct {
	mu      sync.Mutex
	began   time.Time // of the minute
	n       int       // admitted in it
	leftOut int64     // since the last that was admitted
}

// admit reports whether one more may be recorded, and how many were left out before it.
func (i *intake) admit(now time.Time) (leftOut int64, ok bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if now.Sub(i.began).Abs() >= time.Minute {
		i.began, i.n = now, 0
	}
	if i.n >= storage.LimitedEvents {
		i.leftOut++
		return 0, false
	}
	i.n++
	leftOut, i.leftOut = i.leftOut, 0
	return leftOut, true
}
