package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/keyring"
	"github.com/mcpkeep/mcpkeep/internal/repo"
)

type keysListCmd struct {
	keyFlags
	Verify bool `name:"verify" help:"Open every sealed value, instead of going by the key ids beside them."`
	JSON   bool `name:"json" help:"Print JSON."`
}

// Run lists the keys. It works without the right keys: that is when it is needed.
func (c *keysListCmd) Run(ctx context.Context, std streams) error {
	return c.withKeys(ctx, std, func(store *repo.Repo, _ *keyring.Keyring) error {
		verify := repo.VerifyNothing
		if c.Verify {
			verify = repo.VerifyAll
		}
		p := newProgress(std)
		report, err := store.ReportKeys(ctx, verify, func(done, total int64) {
			if p.due() {
				p.line("opening: %d of %d values (%d%%)", done, total, share(done, total))
			}
		})
		p.end()
		if err != nil {
			return err
		}
		if c.JSON {
			err = json.NewEncoder(std.out).Encode(keysJSONOf(report, c.Verify))
		} else {
			err = printKeys(std, report, c.Verify)
		}
		if err == nil && report.Unreadable.Total > 0 {
			err = fmt.Errorf("%d values do not open", report.Unreadable.Total)
		}
		return err
	})
}

// keysJSON is the output of `keys list --json`.
type keysJSON struct {
	Keys            []keyJSON        `json:"keys"`
	Unnamed         int64            `json:"rows_without_key_id"`
	Verified        bool             `json:"verified"`
	Unsealed        int64            `json:"rows_not_sealed"`
	UnreadableTotal int64            `json:"unreadable_total"`
	Unreadable      []unreadableJSON `json:"unreadable"` // the first hundred
}

type keyJSON struct {
	ID         string           `json:"id"`
	Primary    bool             `json:"primary"`
	Configured bool             `json:"configured"`
	State      repo.KeyState    `json:"state"`
	Canary     repo.CanaryState `json:"canary"`
	CreatedAt  *time.Time       `json:"created_at"`
	RetiredAt  *time.Time       `json:"retired_at"`
	Total      int64            `json:"rows"`
	Sealed     map[string]int64 `json:"rows_by_column"`
}

type unreadableJSON struct {
	Table  string `json:"table"`
	Column string `json:"column"`
	Row    string `json:"row"`
	KeyID  string `json:"key_id"`
	Reason string `json:"reason"`
}

func keysJSONOf(report repo.KeyReport, verified bool) keysJSON {
	out := keysJSON{
		Keys: []keyJSON{}, Unnamed: report.Unnamed, Verified: verified, Unsealed: report.Unsealed,
		UnreadableTotal: report.Unreadable.Total, Unreadable: unreadableJSONOf(report.Unreadable),
	}
	for _, k := range report.Keys {
		key := keyJSON{
			ID: k.ID, Primary: k.Primary, Configured: k.Configured, State: k.State, Canary: k.Canary,
			CreatedAt: timeOrNull(k.CreatedAt), RetiredAt: timeOrNull(k.RetiredAt), Total: k.Rows(), Sealed: map[string]int64{},
		}
		for _, n := range k.Sealed {
			key.Sealed[n.Table+"."+n.Column] = n.Rows
		}
		out.Keys = append(out.Keys, key)
	}
	return out
}

func unreadableJSONOf(rows repo.UnreadableRows) []unreadableJSON {
	list := []unreadableJSON{}
	for _, row := range rows.First {
		list = append(list, unreadableJSON{row.Table, row.Column, row.Row, row.KeyID, reasonOf(row)})
	}
	return list
}

func reasonOf(row repo.UnreadableRow) string {
	if row.KeyMissing {
		return "the key is not configured"
	}
	return "does not open"
}

func timeOrNull(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// printKeys prints for people.
func printKeys(std streams, report repo.KeyReport, verified bool) error {
	table := tabwriter.NewWriter(std.out, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(table, "KEY\tSTATE\tCANARY\tSINCE\tROWS")
	for _, k := range report.Keys {
		_, _ = fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%d\n", k.ID, stateOf(k), canaryOf(k), sinceOf(k), k.Rows())
	}
	_, _ = fmt.Fprintln(table)
	for _, k := range report.Keys {
		for _, n := range k.Sealed {
			_, _ = fmt.Fprintf(table, "%s\t%s.%s\t\t\t%d\n", k.ID, n.Table, n.Column, n.Rows)
		}
	}
	err := table.Flush()
	if report.Unnamed > 0 && !verified {
		_, _ = fmt.Fprintf(std.out, "\n%d rows of oauth_clients do not name their key: another program wrote them. "+
			"--verify opens each and counts what is true.\n", report.Unnamed)
	}
	if report.Unsealed > 0 {
		_, _ = fmt.Fprintf(std.out, "\n%d rows of oauth_clients are not sealed.\n", report.Unsealed)
	}
	printUnreadable(std, report.Unreadable)
	return err
}

// listedUnreadable is how many rows that do not open are printed.
const listedUnreadable = 20

func printUnreadable(std streams, rows repo.UnreadableRows) {
	for i, row := range rows.First {
		if i == listedUnreadable {
			_, _ = fmt.Fprintf(std.out, "and %d more\n", rows.Total-listedUnreadable)
			return
		}
		keyID := row.KeyID
		if keyID == "" {
			keyID = "unknown"
		}
		_, _ = fmt.Fprintf(std.out, "%s.%s row %q (key %s): %s\n", row.Table, row.Column, row.Row, keyID, reasonOf(row))
	}
}

func stateOf(k repo.Key) string {
	states := []string{strings.ReplaceAll(string(k.State), "_", " ")}
	if k.Primary {
		states = append(states, "primary")
	}
	if !k.Configured && k.State == repo.KeyActive {
		states = append(states, "not configured")
	}
	return strings.Join(states, ", ")
}

func canaryOf(k repo.Key) string {
	switch {
	case k.Canary == "", k.State == repo.KeyRetired && !k.Configured:
		return "-" // nothing needs it
	default:
		return strings.ReplaceAll(string(k.Canary), "_", " ")
	}
}

func sinceOf(k repo.Key) string {
	switch k.State {
	case repo.KeyNotOnRecord:
		return "-"
	case repo.KeyRetired:
		return k.RetiredAt.Format(time.RFC3339)
	default:
		return k.CreatedAt.Format(time.RFC3339)
	}
}
