package repo

import (
	"context"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/db"
	"github.com/mcpkeep/mcpkeep/internal/fastmcp"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// EachForeignClient calls f with every client that is in FastMCP's own tables and, because it was
// never used here, not in oauth_clients, until it fails. It reads them in pages. They do not
// count as registered here: no ceiling or pruning concerns them before they are used.
func (r *Repo) EachForeignClient(ctx context.Context, now time.Time, f func(storage.ClientSummary) error) error {
	for _, table := range r.theirs().Tables {
		for after, more := "", true; more; {
			var page []storage.ClientSummary
			err := r.db.Read(ctx, "list clients of FastMCP", func(ctx context.Context, q db.Querier) (err error) {
				page, after, more, err = r.foreignClients(ctx, q, table, after, now)
				return err
			})
			if err != nil {
				return err
			}
			for _, summary := range page {
				if err := f(summary); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// foreignClients returns a page of clients, the key of the last one, and whether there may be
// more.
func (r *Repo) foreignClients(
	ctx context.Context, q db.Querier, t *db.ForeignTable, after string, now time.Time,
) (page []storage.ClientSummary, last string, more bool, err error) {
	rows, err := t.ListClients(ctx, q, fastmcp.ClientCollection, fastmcp.ClientKey(""), after, foreignPage, unix(now))
	last = after
	for _, row := range rows {
		last = row.Key
		client := foreignRow(fastmcp.ClientCollection, row.ForeignRow)
		if client.Expired(now) {
			continue
		}
		summary := r.foreignSummary(client)
		summary.Grants = row.Grants // a token of FastMCP makes one without the client
		page = append(page, summary)
	}
	return page, last, len(rows) == foreignPage, err
}
