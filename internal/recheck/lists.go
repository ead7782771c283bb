package recheck

import (
	"context"
	"errors"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/identity"
	"github.com/mcpkeep/mcpkeep/internal/logging"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// revokeAtOnce is how many grants of a refused user one statement revokes. No one has as
// many, and what is left is refused by itself.
const revokeAtOnce = 1000

// CheckLists compares what is stored of a person with the operator's lists, without the
// provider: the operator's no does not depend on it. What only the provider knows, because
// it was not asked before, is left to Confirm. A refusal is ErrRefused and revokes all
// grants of the user; that it could not be stored changes nothing.
func (c *Checker) CheckLists(ctx context.Context, user storage.User) error {
	if _, redirects := c.Provider.(identity.RedirectProvider); !redirects || user.Issuer != c.Provider.Issuer() {
		return nil // the password is the permission; Confirm ends what others signed in
	}
	err := c.Policy.CheckStored(PersonOf(user.Person))
	if err == nil {
		return nil
	}
	log := c.Logger.With(logging.UserID, user.ID)
	log.WarnContext(ctx, "user is no longer allowed: grants revoked", logging.Event, "sign_in_refused", logging.Reason, reasonOf(err))
	ctx = storage.WithReason(context.WithoutCancel(ctx), reasonOf(err))
	if _, err := c.Store.RevokeGrants(ctx, storage.GrantFilter{UserID: user.ID}, revokeAtOnce, c.Now()); err != nil {
		log.WarnContext(ctx, "could not revoke the grants of a user who is not allowed", logging.Error, err)
	}
	return ErrRefused
}

// graceOf is how long sessions last while the provider does not answer. A limit that only
// this account has met is one that its owner can bring about: that is worth no more than
// the time until the next question.
func (c *Checker) graceOf(limited bool) (grace time.Duration) {
	if limited {
		return min(c.Grace, c.Every)
	}
	return c.Grace
}

// isLimited reports whether a provider did not answer because of the account's own limit.
func isLimited(err error) bool {
	var unavailable *identity.UnavailableError
	return errors.As(err, &unavailable) && unavailable.Own
}
