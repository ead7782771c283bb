package operator

import (
	"context"
	"fmt"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// Pruning says which clients go.
type Pruning struct {
	UnusedFor time.Duration // registered at least so long ago, and used by nobody
	// All: also those that an operator or another program registered. Another program
	// does not record whether they are used, so that they may well be in use there.
	All    bool
	DryRun bool // list them only
}

type prunedJSON struct {
	Unused  int64 `json:"unused"` // found
	Kept    int64 `json:"kept"`   // of them, those that All is about
	Deleted int64 `json:"deleted"`
	Used    int64 `json:"used_meanwhile"`
	DryRun  bool  `json:"dry_run"`
}

// PruneClients deletes clients that nobody has used, in pages. One that somebody
// signs in with meanwhile stays.
func (c *Console) PruneClients(ctx context.Context, p Pruning) error {
	before := c.now().Add(-p.UnusedFor)
	found := prunedJSON{DryRun: p.DryRun}
	err := c.eachUnused(ctx, before, func(s storage.ClientSummary) error {
		if found.Unused++; !p.takes(s) {
			found.Kept++
		}
		if found.Unused%pageSize == 0 {
			c.tell("looking: %d unused clients so far", found.Unused)
		}
		return nil
	})
	if err != nil {
		return err
	}
	going := found.Unused - found.Kept
	if p.DryRun {
		return c.done(found, "%s would be deleted%s", c.unused(going, before), keptNote(found))
	}
	if going == 0 {
		return c.done(found, "no unused client is that old; nothing was deleted%s", keptNote(found))
	}
	err = c.Confirm(fmt.Sprintf("This deletes %s%s. Whoever has them must register again; no connection ends.", c.unused(going, before), keptNote(found)))
	if err != nil {
		return err
	}
	if err := c.prune(ctx, p, before, going, &found); err != nil {
		return fmt.Errorf("%w (deleted until then: %d; run it again to go on)", err, found.Deleted)
	}
	return c.done(found, "deleted %s%s", number(found.Deleted, "client", "clients"), usedNote(found))
}

// unused describes how many clients are meant.
func (*Console) unused(n int64, before time.Time) string {
	return fmt.Sprintf("%s that nobody has signed in with since %s or earlier", number(n, "client", "clients"), clock(before))
}

// takes says whether an unused client is to go.
func (p Pruning) takes(s storage.ClientSummary) bool { return p.All || s.Reclaimable }

func keptNote(found prunedJSON) string {
	if found.Kept == 0 {
		return ""
	}
	return fmt.Sprintf(" (%d that an operator or another program registered are left alone; --all takes them too)", found.Kept)
}

func usedNote(found prunedJSON) string {
	if found.Used == 0 {
		return ""
	}
	return fmt.Sprintf("; %d were used or deleted meanwhile and left alone", found.Used)
}

func (c *Console) prune(ctx context.Context, p Pruning, before time.Time, total int64, result *prunedJSON) error {
	var page []string
	flush := func() error {
		deleted, err := c.Store.DeleteUnusedClients(ctx, page, before, c.now())
		if err != nil {
			return err
		}
		result.Deleted += deleted
		result.Used += int64(len(page)) - deleted
		page = page[:0]
		c.tell("deleting: %d of %d clients", result.Deleted, total)
		return nil
	}
	err := c.eachUnused(ctx, before, func(s storage.ClientSummary) error {
		if !p.takes(s) {
			return nil
		}
		if page = append(page, s.Client.ID); len(page) < pageSize {
			return nil
		}
		return flush()
	})
	if err != nil {
		return err
	}
	return flush()
}
