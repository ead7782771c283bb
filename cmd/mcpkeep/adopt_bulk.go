package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/adopt"
	"github.com/mcpkeep/mcpkeep/internal/console"
	"github.com/mcpkeep/mcpkeep/internal/fastmcp"
	"github.com/mcpkeep/mcpkeep/internal/repo"
	"github.com/mcpkeep/mcpkeep/internal/survey"
)

// importAtOnce is how many rows a transaction imports.
const importAtOnce = 100

// adoptedJSON is the last line of `adopt --json`.
type adoptedJSON struct {
	Type     string `json:"type"`
	Complete bool   `json:"complete"`
	Imported int64  `json:"rows_imported"`
	adopt.BulkResult
	DurationMS int64 `json:"duration_ms"`
}

// adoptProgressJSON is a line of `adopt --json` in between.
type adoptProgressJSON struct {
	Type  string `json:"type"`
	Step  string `json:"step"`
	Done  int64  `json:"done"`
	Total int64  `json:"total,omitempty"`
}

// adopt imports the rows of another store, if one is given, and takes over the sessions.
func (c *adoptCmd) adopt(ctx context.Context, std streams, t *takeover) error {
	if len(t.problems) > 0 {
		return t.problems[0]
	}
	if t.Verifier == nil {
		return errors.New("the settings do not say that tokens of FastMCP are looked at (MCPKEEP_FASTMCP, and the provider's client secret)")
	}
	return c.withConsole(ctx, std, c.JSON, c.yesFlag, func(ctx context.Context, admin adminConsole) error {
		if err := admin.maySeal(ctx); err != nil {
			return err
		}
		began, out := time.Now(), adoptedJSON{Type: "result"}
		imported, err := c.importRows(ctx, std, t, admin)
		out.Imported = imported
		if err == nil {
			out.BulkResult, err = c.takeOver(ctx, std, t, admin)
		}
		out.Complete, out.DurationMS = err == nil, time.Since(began).Milliseconds()
		if c.JSON {
			_ = console.WriteJSON(std.out, out)
		} else {
			printAdopted(std, out)
		}
		return continueAdopting(ctx, err)
	})
}

// continueAdopting says what to do after an error.
func continueAdopting(ctx context.Context, err error) error {
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return errors.New("interrupted; nothing is lost: run the command again to continue")
	}
	return fmt.Errorf("%w; nothing is lost: run the command again to continue", err)
}

// importRows copies the live rows of --from into the database.
func (c *adoptCmd) importRows(ctx context.Context, std streams, t *takeover, admin adminConsole) (imported int64, err error) {
	if t.source == nil {
		return 0, nil
	}
	report := c.reporter(std, "import")
	var page []fastmcp.Row
	read, now, reader := int64(0), time.Now(), t.reader(time.Now())
	flush := func() error {
		n, err := admin.store.ImportRows(ctx, page, now)
		imported, page = imported+int64(n), page[:0]
		report(read, 0)
		return err
	}
	err = t.each(ctx, func(row fastmcp.Row) error {
		read++
		if plaintext, ok := reader.Live(row); ok {
			row.Value = plaintext
			page = append(page, row)
		}
		if len(page) < importAtOnce {
			return nil
		}
		return flush()
	})
	if err == nil {
		err = flush()
	}
	return imported, err
}

// takeOver asks the provider about each session that is live.
func (c *adoptCmd) takeOver(ctx context.Context, std streams, t *takeover, admin adminConsole) (adopt.BulkResult, error) {
	inDatabase := &takeover{Takeover: t.Takeover, checked: t.checked, db: admin.db, keys: t.keys, plain: t.plain, store: admin.store, theirs: t.theirs}
	s, err := inDatabase.survey(ctx, std, time.Now())
	if err != nil {
		return adopt.BulkResult{}, err
	}
	if err := inDatabase.markAdopted(ctx, s); err != nil {
		return adopt.BulkResult{}, err
	}
	total := s.Report().Sessions.Live
	if c.Renew && total > 0 {
		err := c.confirm(ctx, std)("Renewing tokens at the provider signs users out if FastMCP still runs, because each can be renewed once.")
		if err != nil {
			return adopt.BulkResult{}, err
		}
	}
	report := c.reporter(std, "adopt")
	bulk := &adopt.Bulk{
		Adopter: t.checked.Adopter(admin.store, quiet()), Store: admin.store, Rate: c.Rate, Renew: c.Renew,
		Progress: func(r adopt.BulkResult) { report(r.Done(), total) },
	}
	return bulk.Run(ctx, live(admin.store, s))
}

// live lists the sessions in the database that can be taken over. A session may be in two
// tables.
func live(store *repo.Repo, s *survey.Survey) adopt.Sessions {
	return func(ctx context.Context, f func(adopt.BulkSession) error) error {
		return store.EachForeignSession(ctx, func(row fastmcp.Row) error {
			until, ok := s.Adoptable(row.Key)
			if !ok {
				return nil
			}
			s.MarkAdopted(row.Key)
			return f(adopt.BulkSession{ID: row.Key, Until: until})
		})
	}
}

// reporter returns a function that reports progress from time to time.
func (c *adoptCmd) reporter(std streams, step string) func(done, total int64) {
	p := newProgress(std)
	if c.JSON {
		p.every = readEvery
	}
	return func(done, total int64) {
		switch {
		case !p.due():
		case c.JSON:
			_ = console.WriteJSON(std.out, adoptProgressJSON{"progress", step, done, total})
		case total > 0:
			p.line("%s: %d of %d sessions (%d%%)", step, done, total, share(done, total))
		default:
			p.line("%s: %d rows", step, done)
		}
		if total > 0 && done == total {
			p.end()
		}
	}
}

func printAdopted(std streams, r adoptedJSON) {
	if r.Imported > 0 {
		_, _ = fmt.Fprintf(std.out, "imported %d rows\n", r.Imported)
	}
	_, _ = fmt.Fprintf(std.out, "took over %d sessions in %v\n", r.Adopted, (time.Duration(r.DurationMS) * time.Millisecond).Round(time.Millisecond))
	for _, line := range []struct {
		n    int64
		what string
	}{
		{r.Known, "had been taken over"},
		{r.Postponed, "are taken over when one of their tokens comes: their token at the provider has to be renewed (--renew does it now, if FastMCP does not run)"},
		{r.Refused, "were refused by the provider, or by the list of who may sign in"},
		{r.Gone, "had ended"},
		{r.Busy, "are being taken over by a server"},
		{r.Unreached, "could not be asked about: the provider did not answer"},
	} {
		if line.n > 0 {
			_, _ = fmt.Fprintf(std.out, "%d %s\n", line.n, line.what)
		}
	}
}
