package app

import (
	"context"
	"crypto/rand"
	"os"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/logging"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

const (
	// beatEvery is how often a replica says that it is there, and seenFor how long it counts
	// as there after that.
	beatEvery = time.Minute
	seenFor   = 5 * time.Minute
	// beatWithin bounds one such step.
	beatWithin = 5 * time.Second
)

// newReplica is this process, as administrators see it.
func (a *App) newReplica() storage.Replica {
	name, err := os.Hostname()
	if err != nil {
		name = "unknown"
	}
	return storage.Replica{ID: rand.Text(), Name: name, Version: a.host.version(), StartedAt: a.started}
}

// beat says from time to time that this process serves, and when it ends that it does not. It
// matters to no request, so that a failure is no more than a line in the log.
func (a *App) beat(ctx context.Context) {
	tick := time.NewTicker(beatEvery)
	defer tick.Stop()
	for {
		a.say(ctx)
		select {
		case <-ctx.Done():
			a.leave(context.WithoutCancel(ctx))
			return
		case <-tick.C:
		}
	}
}

func (a *App) say(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, beatWithin)
	defer cancel()
	if current, err := a.repo.SchemaIsCurrent(ctx); err != nil || !current {
		return
	}
	replica := a.replica
	replica.ProviderAnsweredAt = a.checked.settings.answered.at()
	if err := a.repo.SeeReplica(ctx, replica, a.db.Now()); err != nil && ctx.Err() == nil {
		a.log.DebugContext(ctx, "could not say that this replica serves", logging.Error, err)
	}
}

func (a *App) leave(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	if err := a.repo.EndReplica(ctx, a.replica.ID); err != nil {
		a.log.DebugContext(ctx, "could not say that this replica ends", logging.Error, err)
	}
}
