package console

import (
	"context"
	"fmt"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// Pruning selects the clients to delete.
type Pruning struct {
	UnusedFor time.Duration // time since registration without a sign-in
	// All includes clients that an administrator or another program registered. Another
	// program does not record use, so its clients may be in use.
	All    bool
	DryRun bool // only count them
}

type prunedJSON struct {
	Unused  int64 `json:"unused"` // found
	Kept    int64 `json:"kept"`   // of those, the ones that only All deletes
	Deleted int64 `json:"deleted"`
	Used    int64 `json:"skipped"`
	DryRun  bool  `json:"dry_run"`
}

// PruneClients deletes unused clients, in pages. A client that comes into use in the
// meantime stays.
func (c *Console) PruneClients(ctx context.Context, p Pruning) error {
	before := c.now().Add(-p.UnusedFor)
	found := prunedJSON{DryRun: p.DryRun}
	err := c.eachUnused(ctx, before, func(s storage.ClientSummary) error {
		if found.Unused++; !p.takes(s) {
			found.Kept++
		}
		if found.Unused%pageSize == 0 {
			c.progress("counting: %d unused clients so far", found.Unused)
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
		return c.done(found, "no unused client is that old: nothing was deleted%s", keptNote(found))
	}
	err = c.Confirm(fmt.Sprintf("This deletes %s%s. These apps have to register again; no connections end.", c.unused(going, before), keptNote(found)))
	if err != nil {
		return err
	}
	if err := c.prune(ctx, p, before, going, &found); err != nil {
		return fmt.Errorf("%w (%d deleted so far; run the command again to continue)", err, found.Deleted)
	}
	return c.done(found, "deleted %s%s", number(found.Deleted, "client", "clients"), usedNote(found))
}

// unused describes a number of unused clients.
func (*Console) unused(n int64, before time.Time) string {
	return fmt.Sprintf("%s registered before %s and never used", number(n, "client", "clients"), Time(before))
}

// takes reports whether an unused client is to be deleted.
func (p Pruning) takes(s storage.ClientSummary) bool { return p.All || s.Reclaimable }

func keptNote(found prunedJSON) string {
	if found.Kept == 0 {
		return ""
	}
	return fmt.Sprintf(" (%d registered by an administrator or another program are kept; --all includes them)", found.Kept)
}

func usedNote(found prunedJSON) string {
	if found.Used == 0 {
		return ""
	}
	return fmt.Sprintf("; %d came into use or were deleted in the meantime and were skipped", found.Used)
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
		c.progress("deleting: %d of %d clients", result.Deleted, total)
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
