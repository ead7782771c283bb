package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/console"
	"github.com/mcpkeep/mcpkeep/internal/display"
	"github.com/mcpkeep/mcpkeep/internal/identity"
	"github.com/mcpkeep/mcpkeep/internal/setting"
	"github.com/mcpkeep/mcpkeep/internal/survey"
)

// longestToken is how much of standard input is read.
const longestToken = 64 << 10

// explain says whether a token would be taken over. It is printed nowhere.
func (c *adoptCmd) explain(ctx context.Context, std streams, t *takeover) error {
	if len(t.problems) > 0 {
		return t.problems[0]
	}
	if t.Verifier == nil {
		return errors.New("the settings do not say that tokens of FastMCP are looked at (MCPKEEP_FASTMCP, and the provider's client secret)")
	}
	text, err := io.ReadAll(io.LimitReader(bufio.NewReader(std.in), longestToken))
	if err != nil {
		return fmt.Errorf("read standard input: %w", err)
	}
	x := survey.Explainer{Reader: t.reader(time.Now()), Get: t.get, Verifier: t.Verifier, LegacyUntil: t.LegacyUntil}
	e, err := x.Explain(ctx, setting.Trim(string(text)))
	if err != nil {
		return err
	}
	if e.OK() {
		t.askAbout(ctx, e)
	}
	return c.printExplanation(std, e)
}

// askAbout asks the provider whose a session is, without renewing anything.
func (t *takeover) askAbout(ctx context.Context, e *survey.Explanation) {
	provider, ok := t.checked.Provider.(identity.RedirectProvider)
	if !ok {
		e.Add("provider", false, "the sign-in provider is a local password, which knows no sessions of FastMCP")
		return
	}
	s := e.Session
	if !s.ExpiresAt.IsZero() && !time.Now().Before(s.ExpiresAt) {
		e.Add("provider", s.RefreshToken != "", "%s", expiredAt(provider.Title(), s.RefreshToken != ""))
		return
	}
	person, _, err := provider.Recheck(ctx, identity.Token{Issuer: provider.Issuer(), AccessToken: s.AccessToken})
	switch {
	case errors.Is(err, identity.ErrUnavailable):
		e.Add("provider", false, "%s does not answer: clients get 503 and keep their tokens", provider.Title())
		return
	case err != nil:
		e.Add("provider", false, "%v", err)
		return
	}
	e.Add("provider", true, "%s says that it is %s", provider.Title(), person.Label())
	if err := t.checked.Policy.Check(person); err != nil {
		e.Add("allowed", false, "%v", err)
		return
	}
	e.Add("allowed", true, "the user may sign in")
}

func expiredAt(title string, renewable bool) string {
	if renewable {
		return "the session's token at " + title + " has expired: a server renews it when the token comes; nothing was asked now"
	}
	return "the session's token at " + title + " has expired, and cannot be renewed"
}

// explanationJSON is the output of `adopt --token - --json`.
type explanationJSON struct {
	Adoptable bool          `json:"adoptable"`
	Kind      string        `json:"kind"`
	Steps     []survey.Step `json:"steps"`
}

func (c *adoptCmd) printExplanation(std streams, e *survey.Explanation) error {
	p := &printer{out: std.out}
	if c.JSON {
		p.err = console.WriteJSON(std.out, explanationJSON{e.OK(), e.Kind, e.Steps})
	} else {
		for _, s := range e.Steps {
			p.line("%-4s %-11s %s", map[bool]string{true: "ok", false: "FAIL"}[s.OK], s.Step, display.Line(s.Detail, longestText*5))
		}
		if e.OK() {
			p.line("The token would be taken over.")
		}
	}
	if p.err == nil && !e.OK() {
		return fmt.Errorf("the token would not be taken over: step %s fails", e.Steps[len(e.Steps)-1].Step)
	}
	return p.err
}
