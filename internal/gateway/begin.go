package gateway

import (
	"context"
	"errors"
	"net/http"

	"github.com/mcpkeep/mcpkeep/internal/principal"
)

// begin makes room for a request, as calls.begin does. A user at the limit of calls can still
// answer what a call asks the client, and cancel it: else it might never end. Such messages
// have the same limit of their own, under which they are also read to tell them from calls.
func (u *Upstream) begin(r *http.Request, b *body, p principal.Principal) (context.Context, func(), error) {
	if r.Method != http.MethodPost {
		return u.calls.begin(r.Context(), "", 0)
	}
	ctx, done, err := u.calls.begin(r.Context(), p.User.ID, u.MaxConcurrent)
	if !errors.Is(err, ErrTooMany) {
		return ctx, done, err
	}
	ctx, done, err = u.calls.begin(r.Context(), "message of "+p.User.ID, u.MaxConcurrent)
	if err != nil {
		return ctx, nil, err
	}
	if _, err = b.whole(ctx, r.ContentLength); err == nil && b.asks() {
		err = ErrTooMany
	}
	if err != nil {
		done()
		return ctx, nil, err
	}
	return ctx, done, nil
}

// asks reports whether the body, which was read whole, has a request: what is no notification
// and no response.
func (b *body) asks() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.scan.asks
}
