package main

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/mcpkeep/mcpkeep/internal/console"
	"github.com/mcpkeep/mcpkeep/internal/display"
	"github.com/mcpkeep/mcpkeep/internal/survey"
)

// longestText is how much of a text from the store is shown.
const longestText = 200

// printer keeps the first error.
type printer struct {
	out   io.Writer
	width int
	err   error
}

func (p *printer) line(format string, args ...any) {
	if p.err == nil {
		_, p.err = fmt.Fprintf(p.out, format+"\n", args...)
	}
}

func (p *printer) table(titles []string, rows [][]string) {
	table := console.NewTable(p.out, p.width, columns(titles...)...)
	for _, row := range rows {
		p.err = cmp.Or(p.err, table.Add(row...))
	}
	p.err = cmp.Or(p.err, table.End(""))
}

// printCheck prints the report as text.
func printCheck(std streams, r checkJSON) error {
	p := &printer{out: std.out, width: widthOf(std.out)}
	p.line("FastMCP's store: %s", display.Line(r.Source, longestText))
	p.line("Version: %s", versionOf(r.Version))
	p.line("")
	p.collections(r)
	p.line("")
	p.line("Clients: %d, of which %d with a secret (2.13), %d with a metadata document, %d registered at mcpkeep",
		r.Clients.Total, r.Clients.Secrets, r.Clients.Documents, r.Clients.Ours)
	p.sessions(r.Sessions)
	p.line("")
	p.addresses(r)
	p.advice(r)
	return p.err
}

func versionOf(v survey.Version) string {
	if v.Guess == "" {
		return "nothing shows it"
	}
	return v.Guess + " (" + strings.Join(v.Evidence, "; ") + ")"
}

func (p *printer) collections(r checkJSON) {
	var rows [][]string
	for _, c := range r.Collections {
		var keys []string
		for _, id := range slices.Sorted(maps.Keys(c.Opened)) {
			name := id
			if r.KeyNames[id] != "" {
				name += " (" + r.KeyNames[id] + ")"
			}
			keys = append(keys, fmt.Sprintf("%s: %d", name, c.Opened[id]))
		}
		rows = append(rows, []string{
			c.Name, fmt.Sprint(c.Rows), strings.Join(keys, ", "), fmt.Sprint(c.Unreadable), fmt.Sprint(c.Malformed), fmt.Sprint(c.Expired),
		})
	}
	p.table([]string{"COLLECTION", "ROWS", "OPENED BY KEY", "UNREADABLE", "MALFORMED", "EXPIRED"}, rows)
}

func (p *printer) sessions(s survey.Sessions) {
	p.line("Sessions: %d, of which %d will be taken over (%d need a new token from the provider first), and %d were already",
		s.Total, s.Live, s.Renewals, s.Adopted)
	for _, r := range s.Refused {
		p.line("  not %d: %s", r.Sessions, r.Reason)
	}
	if len(s.Groups) == 0 {
		return
	}
	p.line("")
	var rows [][]string
	for _, g := range s.Groups {
		until := ""
		if g.Until != nil {
			until = console.Time(*g.Until)
		}
		rows = append(rows, []string{g.Version, strings.ReplaceAll(g.EndsWith, "_", " "), fmt.Sprint(g.Sessions), until})
	}
	p.table([]string{"ROWS OF FASTMCP", "ENDS WITH ITS", "SESSIONS", "THE LAST AT"}, rows)
}

func (p *printer) addresses(r checkJSON) {
	p.line("Base URL:     %s", r.Addresses.BaseURL)
	p.line("Callback URL: %s (has to be registered at the provider, as for FastMCP)", r.Addresses.Callback)
	p.line("MCP endpoint: %s", r.Addresses.MCP)
	for _, seen := range r.Server.Resources {
		p.line("  clients of FastMCP asked for %s", display.Line(seen, longestText))
	}
	for _, seen := range r.Server.Issuers {
		p.line("  FastMCP's issuer is %s", display.Line(seen, longestText))
	}
	p.line("Signing key:  %s (no row shows whether that is the right one: pipe a token of your own client into `mcpkeep adopt --token -`)",
		cmp.Or(strings.Join(r.Addresses.SigningKeys, ", "), "none"))
	p.line("Database:     %s", r.Table.Found)
	if r.Table.Fix != "" {
		p.line("  fix: %s", r.Table.Fix)
	}
}

// advice prints what breaks the switch, then what makes it better, then the settings.
func (p *printer) advice(r checkJSON) {
	for _, breaks := range []bool{true, false} {
		for _, a := range r.Advice {
			if a.Breaks == breaks {
				p.line("")
				p.line("%s: %s", map[bool]string{true: "PROBLEM", false: "NOTE"}[breaks], display.Line(a.What, longestText*5))
				p.line("  why: %s", a.Why)
				p.line("  fix: %s", display.Line(a.Fix, longestText*5))
			}
		}
	}
	if len(r.Settings) > 0 {
		p.line("")
		p.line("Settings to use:")
		for _, s := range r.Settings {
			p.line("  %s", display.Line(s, longestText))
		}
	}
}
