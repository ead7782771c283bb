package main

import (
	"context"
	"errors"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/app"
	"github.com/mcpkeep/mcpkeep/internal/console"
	"github.com/mcpkeep/mcpkeep/internal/db"
	"github.com/mcpkeep/mcpkeep/internal/fastmcp"
	"github.com/mcpkeep/mcpkeep/internal/survey"
)

// checkJSON is the output of `adopt --check --json`.
type checkJSON struct {
	Source string `json:"source"`
	survey.Report
	KeyNames  map[string]string `json:"key_names"`
	Addresses addressesJSON     `json:"addresses"`
	Table     tableJSON         `json:"table"`
	Advice    []survey.Advice   `json:"advice"`
	Settings  []string          `json:"settings"` // to use, NAME=VALUE
	OK        bool              `json:"ok"`
}

type addressesJSON struct {
	BaseURL     string   `json:"base_url"`
	Callback    string   `json:"callback"`
	MCP         string   `json:"mcp"`
	Issuers     []string `json:"accepted_iss"`
	Audiences   []string `json:"accepted_aud"`
	SigningKeys []string `json:"signing_key_fingerprints"`
}

// tableJSON says whether mcpkeep can work with the database.
type tableJSON struct {
	OK    bool   `json:"ok"`
	Found string `json:"found"`
	Fix   string `json:"fix"`
	SQL   string `json:"sql"`
}

// check reports. It fails if the takeover would.
func (c *adoptCmd) check(ctx context.Context, std streams, t *takeover) error {
	now := time.Now()
	out := checkJSON{Source: t.String(), KeyNames: t.names, Addresses: t.addresses(), Settings: []string{}, OK: true}
	var err error
	if out.Table, err = t.table(ctx); err != nil {
		return err
	}
	if out.Report, err = t.report(ctx, std, now); err != nil && out.Table.OK {
		return err // otherwise the table is another program's, which the report says
	}
	out.Advice = append(t.wrongSettings(), out.Advise(factsOf(t.checked), now)...)
	for _, a := range out.Advice {
		out.OK = out.OK && !a.Breaks
		if a.Setting != "" {
			out.Settings = append(out.Settings, a.Setting)
		}
	}
	out.OK = out.OK && out.Table.OK
	if c.JSON {
		err = console.WriteJSON(std.out, out)
	} else {
		err = printCheck(std, out)
	}
	if err == nil && !out.OK {
		err = errAdoption
	}
	return err
}

// report reads the store, and what of it was taken over.
func (t *takeover) report(ctx context.Context, std streams, now time.Time) (survey.Report, error) {
	s, err := t.survey(ctx, std, now)
	if err == nil {
		err = t.markAdopted(ctx, s)
	}
	return s.Report(), err
}

// survey reads the store.
func (t *takeover) survey(ctx context.Context, std streams, now time.Time) (*survey.Survey, error) {
	p := newProgress(std)
	defer p.end()
	read := int64(0)
	return survey.Read(ctx, func(ctx context.Context, f func(fastmcp.Row) error) error {
		return t.each(ctx, func(row fastmcp.Row) error {
			read++
			p.report("reading %s: %d rows", t, read)
			return f(row)
		})
	}, t.reader(now))
}

// factsOf are the settings that advice is about.
func factsOf(checked app.Checked) survey.Settings {
	t := checked.Takeover()
	s := survey.Settings{
		On: t.Verifier != nil, BaseURL: checked.BaseURL, Resource: t.Resource, Scopes: t.Scopes, LegacyUntil: t.LegacyUntil,
		Anyone: checked.Policy.AllowAnyone, IssuerSlash: t.IssuerSlash,
	}
	if t.Verifier != nil {
		s.Issuers, s.Audiences = t.Verifier.Issuers, t.Verifier.Audiences
	}
	return s
}

// wrongSettings are those that keep the server from starting.
func (t *takeover) wrongSettings() []survey.Advice {
	all := []survey.Advice{}
	for _, err := range t.problems {
		all = append(all, survey.Advice{
			Check: "settings", Breaks: true, What: oneLine(err.Error()), Why: "The server does not start.", Fix: "Set it as described.",
		})
	}
	return all
}

func (t *takeover) addresses() addressesJSON {
	a := addressesJSON{
		BaseURL: t.checked.BaseURL, Callback: t.Callback, MCP: t.Resource, Issuers: []string{}, Audiences: []string{}, SigningKeys: []string{},
	}
	if t.Verifier != nil {
		a.Issuers, a.Audiences = t.Verifier.Issuers, t.Verifier.Audiences
		for _, key := range t.Verifier.Keys {
			a.SigningKeys = append(a.SigningKeys, key.Fingerprint())
		}
	}
	return a
}

// table says whether the table has the layout that is shared, and whether this role may work
// with it.
func (t *takeover) table(ctx context.Context) (tableJSON, error) {
	there, err := t.db.HasClients(ctx)
	if err != nil {
		return tableJSON{}, err
	}
	what := "the table " + fastmcp.ClientTable + " has the shared layout"
	if !there {
		what = "there is no table " + fastmcp.ClientTable + " yet; mcpkeep creates it"
	}
	err = t.db.CheckMigration(ctx)
	var refused *db.RefusedError
	if errors.As(err, &refused) {
		return tableJSON{Found: refused.Found, Fix: refused.Fix, SQL: refused.SQL}, nil
	}
	return tableJSON{OK: true, Found: what}, err
}
