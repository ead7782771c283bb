package doctor

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/fastmcp"
	"github.com/mcpkeep/mcpkeep/internal/repo"
	"github.com/mcpkeep/mcpkeep/internal/survey"
)

const (
	fastmcpRows = "fastmcp_rows"
	// fastmcpWait bounds the reading of FastMCP's rows, of which there may be many.
	fastmcpWait = 20 * time.Second
)

// fastmcp checks what would break the switch from a FastMCP server whose rows are in the
// database. Where there are none it reports nothing.
func (d *Doctor) fastmcp(ctx context.Context) {
	if d.db == nil {
		return // the database says why
	}
	keys, err := d.Keys()
	there, missing := d.db.HasClients(ctx)
	if err != nil || missing != nil {
		return // the keys, or the database, say why
	}
	ctx, cancel := context.WithTimeout(ctx, fastmcpWait)
	defer cancel()
	store, theirs := repo.New(d.db, keys), repo.Foreign{}
	if d.Foreign != nil {
		if theirs, err = d.Foreign(ctx, d.db); err != nil {
			d.add(Finding{
				Area: areaFastMCP, Check: "fastmcp_table", Status: Failed, What: oneLine(err), Why: "The server does not start.",
				Fix: "Correct MCPKEEP_FASTMCP_TABLE and MCPKEEP_FASTMCP_KEYS.",
			})
			return
		}
		theirs.Named = theirs.Named || !there
		store.ShareTables(theirs)
		keys = theirs.Opening(keys)
	}
	if !there && len(theirs.Tables) == 0 {
		return
	}
	read, err := survey.Read(ctx, store.EachForeignRow, survey.Reader{
		Now: d.now(), Plain: theirs.Plain,
		Open: func(value json.RawMessage) ([]byte, string, error) { return fastmcp.OpenWithKey(keys, value) },
	})
	report := read.Report()
	if err != nil && errors.Is(ctx.Err(), context.DeadlineExceeded) {
		d.skip(areaFastMCP, fastmcpRows, "FastMCP has stored too much to read it here: run `mcpkeep adopt --check`")
		return
	}
	if err != nil || !report.Stored() {
		return // a table of another layout, which the schema's check names
	}
	d.ok(areaFastMCP, fastmcpRows, fmt.Sprintf("FastMCP has stored %d sessions and %d clients: `mcpkeep adopt --check` says what becomes of them",
		report.Sessions.Total, report.Clients.Total-report.Clients.Ours))
	for _, a := range report.Advise(d.FastMCP, d.now()) {
		d.add(Finding{Area: areaFastMCP, Check: a.Check, Status: Warning, What: a.What, Why: a.Why, Fix: a.Fix})
	}
}
