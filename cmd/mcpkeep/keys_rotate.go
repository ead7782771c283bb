package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/console"
	"github.com/mcpkeep/mcpkeep/internal/keyring"
	"github.com/mcpkeep/mcpkeep/internal/rekey"
	"github.com/mcpkeep/mcpkeep/internal/setting"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// settle is how long rotation waits for servers to show that they still encrypt with an
// old key.
const settle = 2 * time.Second

type keysRotateCmd struct {
	keyFlags
	Yes  bool `name:"yes" help:"Skip the confirmation prompt."`
	JSON bool `name:"json" help:"Print JSON lines: progress, then the result."`
}

// Help explains the whole procedure.
func (*keysRotateCmd) Help() string {
	return "Servers may keep running. 1. Start every server with OLD,NEW. 2. Start every server with NEW,OLD. " +
		"3. Run this with NEW,OLD: it re-encrypts everything with NEW and retires OLD. 4. Start every server with NEW. " +
		"You can interrupt the command and run it again to continue."
}

// Run rotates the keys.
func (c *keysRotateCmd) Run(ctx context.Context, std streams) error {
	ctx = storage.WithActor(ctx, storage.Actor{Name: operator()})
	return c.withKeys(ctx, std, func(onRecord *rekey.Keys, keys *keyring.Keyring) error {
		if keys.Primary() == "" {
			return setting.Errorf(keysVariable, "the new key and the old one, NEW,OLD, or file:PATH", "required")
		}
		report, err := c.survey(ctx, std, onRecord)
		if err != nil {
			return err
		}
		for _, question := range questions(report) {
			if !c.Yes && !confirmed(ctx, std, question+" Type \"yes\" to continue: ") {
				return errNotConfirmed
			}
		}
		return c.rotate(ctx, std, onRecord, keys, report)
	})
}

// survey decrypts the rows that another program may have written.
func (*keysRotateCmd) survey(ctx context.Context, std streams, onRecord *rekey.Keys) (rekey.Report, error) {
	p := newProgress(std)
	defer p.end()
	return onRecord.Report(ctx, rekey.VerifyClients, func(done, total int64) {
		if p.due() {
			p.line("checking oauth_clients: %d of %d rows (%d%%)", done, total, share(done, total))
		}
	})
}

// questions returns what must be confirmed before anything is changed.
func questions(report rekey.Report) []string {
	var list []string
	var others int64
	for _, k := range report.Keys {
		if !k.Primary {
			others += k.Rows()
		}
	}
	for _, k := range report.Keys {
		if k.Primary && k.State == rekey.KeyNotOnRecord && others > 0 {
			list = append(list, fmt.Sprintf("No server has been started with key %s first yet. "+
				"Running servers without this key cannot read re-encrypted values.", k.ID))
		}
	}
	list = append(list, backwards(report.Keys)...)
	if report.Foreign > 0 {
		list = append(list, fmt.Sprintf("Another program (FastMCP) encrypted %d rows with an old key. "+
			"If it still runs with only that key, it can no longer read any row: "+
			"stop it, or add the new key to it (MultiFernet).", report.Foreign))
	}
	return list
}

// backwards asks about keys that are newer than the first one: the order is most likely
// wrong, and a retired key can never encrypt again.
func backwards(keys []rekey.Key) []string {
	var list []string
	for _, first := range keys {
		for _, k := range keys {
			if first.Primary && first.State == rekey.KeyActive && k.State == rekey.KeyActive && k.CreatedAt.After(first.CreatedAt) {
				list = append(list, fmt.Sprintf("Key %s is newer than %s, which is configured first, and would be retired permanently: "+
					"servers that have it first could no longer encrypt. It should most likely come first (NEW,OLD).", k.ID, first.ID))
			}
		}
	}
	return list
}

// rotate rotates the keys and prints the result.
func (c *keysRotateCmd) rotate(
	ctx context.Context, std streams, onRecord *rekey.Keys, keys *keyring.Keyring, report rekey.Report,
) error {
	began := time.Now()
	p := newProgress(std)
	if c.JSON {
		p.every = readEvery
	}
	done, err := onRecord.Rotate(ctx, rekey.Rotation{
		Foreign: report.Foreign > 0, Settle: settle, Now: onRecord.DatabaseTime,
		Progress: func(r rekey.Progress) {
			if p.due() {
				c.report(std, p, r, time.Since(began))
			}
		},
	})
	p.end()
	took := time.Since(began)
	if c.JSON {
		_ = console.WriteJSON(std.out, resultOf(keys.Primary(), done, took, err))
	} else if done.Passes > 0 {
		printRotated(std, keys.Primary(), done, took)
		printUnused(std, report.Keys)
	}
	return explain(ctx, keys.IDs(), done, err)
}

// report prints the progress of a rotation.
func (c *keysRotateCmd) report(std streams, p *progress, r rekey.Progress, took time.Duration) {
	rate := float64(r.Rekeyed) / took.Seconds()
	if c.JSON {
		_ = console.WriteJSON(std.out, rotationProgressJSON{
			Type: "progress", Pass: r.Pass, Table: r.Table, Column: r.Column, Done: r.Done, Total: r.Total,
			Rekeyed: r.Rekeyed, RowsPerSecond: int64(rate),
		})
		return
	}
	p.line("pass %d: %d of %d rows (%d%%), now %s.%s; %d re-encrypted, %.0f per second",
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

func resultOf(primary string, done rekey.Rotated, took time.Duration, err error) rotatedJSON {
	return rotatedJSON{
		Type: "result", Complete: err == nil, Primary: primary, Rekeyed: done.Rekeyed, Passes: done.Passes,
		Retired: append([]string{}, done.Retired...), Needed: append([]string{}, done.Needed...),
		UnreadableTotal: done.Unreadable.Total, Unreadable: unreadableJSONOf(done.Unreadable), DurationMS: took.Milliseconds(),
	}
}

func printRotated(std streams, primary string, done rekey.Rotated, took time.Duration) {
	printUnreadable(std, done.Unreadable)
	_, _ = fmt.Fprintf(std.out, "re-encrypted %d rows with key %s in %v\n", done.Rekeyed, primary, took.Round(time.Millisecond))
	for _, id := range done.Retired {
		_, _ = fmt.Fprintf(std.out, "retired key %s: servers no longer need it\n", id)
	}
}

// printUnused lists keys after the first one that never encrypted anything: the user may
// have intended to switch to them.
func printUnused(std streams, keys []rekey.Key) {
	for _, k := range keys {
		if k.State == rekey.KeyNotOnRecord && !k.Primary {
			_, _ = fmt.Fprintf(std.out, "key %s has never encrypted anything: to switch to it, put it first (NEW,OLD)\n", k.ID)
		}
	}
}

// explain adds to the error of an incomplete rotation what to do next.
func explain(ctx context.Context, ids []string, done rekey.Rotated, err error) error {
	needed := strings.Join(done.Needed, ", ")
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return errors.New("interrupted; no data is lost: run the command again to continue")
	case errors.Is(err, rekey.ErrStillSealing):
		return fmt.Errorf("%w (%s): a running server still has that key first. Restart every server with %s=%s "+
			"(NEW,OLD, by key ID), then run this command again; no data is lost", err, needed, "MCPKEEP_ENCRYPTION_KEYS", strings.Join(ids, ","))
	case errors.Is(err, rekey.ErrForeignRows):
		return fmt.Errorf("%w: %d rows appeared during the rotation and were skipped; run the command again", err, done.Foreign)
	case errors.Is(err, rekey.ErrUnreadableRows):
		return fmt.Errorf("%w: %d; they are unchanged, and the keys that they need stay on record: "+
			"configure the missing key, or delete the rows, and run this command again", err, done.Unreadable.Total)
	case errors.Is(err, storage.ErrUnavailable):
		return fmt.Errorf("%w; no data is lost: run the command again to continue", err)
	}
	return err
}
