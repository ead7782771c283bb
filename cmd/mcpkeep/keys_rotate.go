package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/keyring"
	"github.com/mcpkeep/mcpkeep/internal/repo"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// settle is how long servers are given to show that they still seal with an old
// key.
const settle = 2 * time.Second

type keysRotateCmd struct {
	keyFlags
	Yes  bool `name:"yes" help:"Do not ask."`
	JSON bool `name:"json" help:"Print JSON lines: progress, then the result."`
}

// Help tells what comes before and after.
func (*keysRotateCmd) Help() string {
	return "Servers may run meanwhile. 1. Start every server with OLD,NEW. 2. Start every server with NEW,OLD. " +
		"3. Run this with NEW,OLD: it re-encrypts everything with NEW and retires OLD. 4. Start every server with NEW. " +
		"It may be interrupted at any time; run again, it goes on."
}

// Run rotates the keys.
func (c *keysRotateCmd) Run(ctx context.Context, std streams) error {
	ctx = storage.WithActor(ctx, storage.Actor{Name: storage.ActorOperator})
	return c.withKeys(ctx, std, func(store *repo.Repo, keys *keyring.Keyring) error {
		if keys.Primary() == "" {
			return usagef("%s: required; want the new key and the old one, NEW,OLD, or file:PATH", keysSetting)
		}
		report, err := c.survey(ctx, std, store)
		if err != nil {
			return err
		}
		for _, question := range questions(report) {
			if !c.Yes && !confirmed(ctx, std, question+" Type yes to go on: ") {
				return errNotConfirmed
			}
		}
		return c.rotate(ctx, std, store, keys, report)
	})
}

// survey opens the rows that another program may have written.
func (*keysRotateCmd) survey(ctx context.Context, std streams, store *repo.Repo) (repo.KeyReport, error) {
	p := newProgress(std)
	defer p.end()
	return store.ReportKeys(ctx, repo.VerifyClients, func(done, total int64) {
		if p.due() {
			p.line("looking at oauth_clients: %d of %d rows (%d%%)", done, total, share(done, total))
		}
	})
}

// questions are what somebody must be sure of before anything is changed.
func questions(report repo.KeyReport) []string {
	var list []string
	var others int64
	for _, k := range report.Keys {
		if !k.Primary {
			others += k.Rows()
		}
	}
	for _, k := range report.Keys {
		if k.Primary && k.State == repo.KeyNotOnRecord && others > 0 {
			list = append(list, fmt.Sprintf("No server has been started with key %s in front yet. "+
				"A running server that does not have it will not be able to read what is re-encrypted.", k.ID))
		}
	}
	list = append(list, backwards(report.Keys)...)
	if report.Foreign > 0 {
		list = append(list, fmt.Sprintf("Another program (FastMCP) sealed %d rows of oauth_clients with an old key. "+
			"If it still runs and has that key only, it will not be able to read any row any more: "+
			"stop it, or give it the new key as well (MultiFernet).", report.Foreign))
	}
	return list
}

// backwards asks about keys that are newer than the one in front: most likely they were
// given in the wrong order, and a key that is retired can never seal again.
func backwards(keys []repo.Key) []string {
	var list []string
	for _, first := range keys {
		for _, k := range keys {
			if first.Primary && first.State == repo.KeyActive && k.State == repo.KeyActive && k.CreatedAt.After(first.CreatedAt) {
				list = append(list, fmt.Sprintf("Key %s was put on record after %s, which comes first here, and would be retired for good: "+
					"servers that have it in front could not seal any more. Most likely it is to come first (NEW,OLD).", k.ID, first.ID))
			}
		}
	}
	return list
}

// rotate rotates and says how it went.
func (c *keysRotateCmd) rotate(
	ctx context.Context, std streams, store *repo.Repo, keys *keyring.Keyring, report repo.KeyReport,
) error {
	began := time.Now()
	p := newProgress(std)
	if c.JSON {
		p.every = readEvery
	}
	done, err := store.RotateKeys(ctx, repo.Rotation{
		Foreign: report.Foreign > 0, Settle: settle, Now: time.Now,
		Progress: func(r repo.RotationProgress) {
			if p.due() {
				c.tell(std, p, r, time.Since(began))
			}
		},
	})
	p.end()
	took := time.Since(began)
	if c.JSON {
		_ = json.NewEncoder(std.out).Encode(resultOf(keys.Primary(), done, took, err))
	} else if done.Passes > 0 {
		printRotated(std, keys.Primary(), done, took)
		printUnused(std, report.Keys)
	}
	return explain(ctx, keys.IDs(), done, err)
}

// tell tells how far a rotation is.
func (c *keysRotateCmd) tell(std streams, p *progress, r repo.RotationProgress, took time.Duration) {
	rate := float64(r.Rekeyed) / took.Seconds()
	if c.JSON {
		_ = json.NewEncoder(std.out).Encode(rotationProgressJSON{
			Type: "progress", Pass: r.Pass, Table: r.Table, Column: r.Column, Done: r.Done, Total: r.Total,
			Rekeyed: r.Rekeyed, RowsPerSecond: int64(rate),
		})
		return
	}
	p.line("pass %d: %d of %d rows (%d%%), now %s.%s; %d re-encrypted, %.0f a second",
		r.Pass, r.Done, r.Total, share(r.Done, r.Total), r.Table, r.Column, r.Rekeyed, rate)
}

type rotationProgressJSON struct {
	Type          string `json:"type"`
	Pass          int    `json:"pass"`
	Table         string `json:"table"`
	Column        string `json:"column"`
	Done          int64  `json:"done"`
	Total         int64  `json:"total"`
	Rekeyed       int64  `json:"rows_reencrypted"`
	RowsPerSecond int64  `json:"rows_per_second"`
}

type rotatedJSON struct {
	Type            string           `json:"type"`
	Complete        bool             `json:"complete"`
	Primary         string           `json:"primary"`
	Rekeyed         int64            `json:"rows_reencrypted"`
	Passes          int              `json:"passes"`
	Retired         []string         `json:"retired"`
	Needed          []string         `json:"still_needed"`
	UnreadableTotal int64            `json:"unreadable_total"`
	Unreadable      []unreadableJSON `json:"unreadable"` // the first hundred
	DurationMS      int64            `json:"duration_ms"`
}

func resultOf(primary string, done repo.Rotated, took time.Duration, err error) rotatedJSON {
	return rotatedJSON{
		Type: "result", Complete: err == nil, Primary: primary, Rekeyed: done.Rekeyed, Passes: done.Passes,
		Retired: append([]string{}, done.Retired...), Needed: append([]string{}, done.Needed...),
		UnreadableTotal: done.Unreadable.Total, Unreadable: unreadableJSONOf(done.Unreadable), DurationMS: took.Milliseconds(),
	}
}

func printRotated(std streams, primary string, done repo.Rotated, took time.Duration) {
	printUnreadable(std, done.Unreadable)
	_, _ = fmt.Fprintf(std.out, "re-encrypted %d rows with key %s in %v\n", done.Rekeyed, primary, took.Round(time.Millisecond))
	for _, id := range done.Retired {
		_, _ = fmt.Fprintf(std.out, "retired key %s: no server needs it any more\n", id)
	}
}

// printUnused names keys behind the first one that nothing was ever sealed with:
// somebody may have wanted to change to them.
func printUnused(std streams, keys []repo.Key) {
	for _, k := range keys {
		if k.State == repo.KeyNotOnRecord && !k.Primary {
			_, _ = fmt.Fprintf(std.out, "key %s has never sealed anything: to change to it, put it first (NEW,OLD)\n", k.ID)
		}
	}
}

// explain says what to do about a rotation that did not come to its end.
func explain(ctx context.Context, ids []string, done repo.Rotated, err error) error {
	needed := strings.Join(done.Needed, ", ")
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return errors.New("interrupted; nothing is lost: run it again to go on")
	case errors.Is(err, repo.ErrStillSealing):
		return fmt.Errorf("%w (%s): a running server still has that key in front. Start every server with %s=%s "+
			"(NEW,OLD, by their ids), then run this again; nothing is lost", err, needed, "MCPKEEP_ENCRYPTION_KEYS", strings.Join(ids, ","))
	case errors.Is(err, repo.ErrForeignRows):
		return fmt.Errorf("%w: %d rows appeared while this was running and were left alone; run it again", err, done.Foreign)
	case errors.Is(err, repo.ErrUnreadableRows):
		return fmt.Errorf("%d %w and were left alone; the keys that they name stay on record: "+
			"configure the missing key, or delete the rows, and run this again", done.Unreadable.Total, err)
	case errors.Is(err, storage.ErrUnavailable):
		return fmt.Errorf("%w; nothing is lost: run it again to go on", err)
	}
	return err
}
