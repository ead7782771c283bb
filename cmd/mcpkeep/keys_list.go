package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/console"
	"github.com/mcpkeep/mcpkeep/internal/keyring"
	"github.com/mcpkeep/mcpkeep/internal/rekey"
)

type keysListCmd struct {
	keyFlags
	Verify bool `name:"verify" help:"Decrypt every encrypted value instead of relying on the stored key IDs."`
	JSON   bool `name:"json" help:"Print JSON."`
}

// Run lists the keys. It works without the right keys, since that is when it is needed.
func (c *keysListCmd) Run(ctx context.Context, std streams) error {
	return c.withKeys(ctx, std, func(onRecord *rekey.Keys, _ *keyring.Keyring) error {
		verify := rekey.VerifyNothing
		if c.Verify {
			verify = rekey.VerifyAll
		}
		p := newProgress(std)
		report, err := onRecord.Report(ctx, verify, func(done, total int64) {
			if p.due() {
				p.line("decrypting: %d of %d values (%d%%)", done, total, share(done, total))
			}
		})
		p.end()
		if err != nil {
			return err
		}
		if c.JSON {
			err = console.WriteJSON(std.out, keysJSONOf(report, c.Verify))
		} else {
			err = printKeys(std, report, c.Verify)
		}
		if err == nil && report.Unreadable.Total > 0 {
			err = fmt.Errorf("%d values cannot be decrypted", report.Unreadable.Total)
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
	ID         string            `json:"id"`
	Primary    bool              `json:"primary"`
	Configured bool              `json:"configured"`
	State      rekey.KeyState    `json:"state"`
	Canary     rekey.CanaryState `json:"canary"`
	CreatedAt  *time.Time        `json:"created_at"`
	RetiredAt  *time.Time        `json:"retired_at"`
	Total      int64             `json:"rows"`
	Sealed     map[string]int64  `json:"rows_by_column"`
}

type unreadableJSON struct {
	Table  string `json:"table"`
	Column string `json:"column"`
	Row    string `json:"row"`
	KeyID  string `json:"key_id"`
	Reason string `json:"reason"`
}

func keysJSONOf(report rekey.Report, verified bool) keysJSON {
	out := keysJSON{
		Keys: []keyJSON{}, Unnamed: report.Unnamed, Verified: verified, Unsealed: report.Unsealed,
		UnreadableTotal: report.Unreadable.Total, Unreadable: unreadableJSONOf(report.Unreadable),
	}
	for _, k := range report.Keys {
		key := keyJSON{
			ID: k.ID, Primary: k.Primary, Configured: k.Configured, State: k.State, Canary: k.Canary,
			CreatedAt: console.JSONTime(k.CreatedAt), RetiredAt: console.JSONTime(k.RetiredAt), Total: k.Rows(), Sealed: map[string]int64{},
		}
		for _, n := range k.Sealed {
			key.Sealed[n.Table+"."+n.Column] = n.Rows
		}
		out.Keys = append(out.Keys, key)
	}
	return out
}

func unreadableJSONOf(rows rekey.UnreadableRows) []unreadableJSON {
	list := []unreadableJSON{}
	for _, row := range rows.First {
		list = append(list, unreadableJSON{row.Table, row.Column, row.Row, row.KeyID, reasonOf(row)})
	}
	return list
}

func reasonOf(row rekey.UnreadableRow) string {
	if row.KeyMissing {
		return "the key is not configured"
	}
	return "cannot be decrypted"
}

// printKeys prints the report as text.
func printKeys(std streams, report rekey.Report, verified bool) error {
	err := printKeyTables(std, report)
	if report.Unnamed > 0 && !verified {
		_, _ = fmt.Fprintf(std.out, "\n%d rows of oauth_clients have no key ID because another program wrote them. "+
			"--verify decrypts each row to find its key.\n", report.Unnamed)
	}
	if report.Unsealed > 0 {
		_, _ = fmt.Fprintf(std.out, "\n%d rows of oauth_clients are not encrypted.\n", report.Unsealed)
	}
	printUnreadable(std, report.Unreadable)
	return err
}

// printKeyTables prints the keys, and then which columns hold values sealed with each.
func printKeyTables(std streams, report rekey.Report) error {
	width := widthOf(std.out)
	keys := console.NewTable(std.out, width, columns("KEY", "STATE", "CANARY", "SINCE", "ROWS")...)
	sealed := console.NewTable(std.out, width, columns("KEY", "COLUMN", "ROWS")...)
	for _, k := range report.Keys {
		if err := keys.Add(k.ID, stateOf(k), canaryOf(k), sinceOf(k), fmt.Sprint(k.Rows())); err != nil {
			return err
		}
	}
	if err := keys.End("No key is configured or on record."); err != nil {
		return err
	}
	_, _ = fmt.Fprintln(std.out)
	for _, k := range report.Keys {
		for _, n := range k.Sealed {
			if err := sealed.Add(k.ID, n.Table+"."+n.Column, fmt.Sprint(n.Rows)); err != nil {
				return err
			}
		}
	}
	return sealed.End("Nothing is encrypted yet.")
}

// columns returns columns that are never cut.
func columns(titles ...string) []console.Column {
	list := make([]console.Column, len(titles))
	for i, title := range titles {
		list[i].Title = title
	}
	return list
}

// listedUnreadable is the maximum number of undecryptable rows that are printed.
const listedUnreadable = 20

func printUnreadable(std streams, rows rekey.UnreadableRows) {
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

func stateOf(k rekey.Key) string {
	states := []string{strings.ReplaceAll(string(k.State), "_", " ")}
	if k.Primary {
		states = append(states, "primary")
	}
	if !k.Configured && k.State == rekey.KeyActive {
		states = append(states, "not configured")
	}
	return strings.Join(states, ", ")
}

func canaryOf(k rekey.Key) string {
	switch {
	case k.Canary == "", k.State == rekey.KeyRetired && !k.Configured:
		return "" // nothing needs it
	default:
		return strings.ReplaceAll(string(k.Canary), "_", " ")
	}
}

func sinceOf(k rekey.Key) string {
	switch k.State {
	case rekey.KeyNotOnRecord:
		return ""
	case rekey.KeyRetired:
		return console.Time(k.RetiredAt)
	default:
		return console.Time(k.CreatedAt)
	}
}
