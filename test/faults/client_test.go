//go:build faults

package faults_test

import (
	"context"
	"math/rand/v2"
	"net/http"
	"time"

	"github.com/mcpkeep/mcpkeep/test/harness"
)

const (
	longestPause  = 150 * time.Millisecond // between the steps of a client
	longestWait   = 250 * time.Millisecond // clients wait less than they are told, to ask more often
	registerOneIn = 8                      // rounds of a client
	newest        = 100                    // registrations of a client, far fewer than the server keeps
)

// client uses what it has, and remembers what was acknowledged to it.
type client struct {
	*harness.Client
	load       *load
	line       *line
	steps      int
	registered []string // further registrations, the newest: without use, the server evicts older ones
	ended      bool     // signed out without having asked for it
}

func (l *load) newClient() *client {
	c := &client{load: l, line: newLine(l.world, l.tally)}
	c.Client = harness.NewClient(l.world.base, c.line)
	return c
}

// try repeats a step until it is acknowledged, and returns false for one that is not and
// can't be. A step that must not be repeated unless it was refused ends without an answer.
func (c *client) try(ctx context.Context, what string, repeat bool, step func(context.Context) error) bool {
	var longest time.Duration // that the server took to answer
	for asked := 0; ; asked++ {
		c.steps++
		c.line.turn(c.steps)
		began := time.Now()
		err := step(context.WithoutCancel(ctx))
		if asked > 0 && c.load.tally.spent(what, longest, err) {
			return false
		}
		longest = max(longest, time.Since(began))
		switch c.load.tally.judge(what, err) {
		case acknowledged:
			return true
		case wrong:
			return false
		case unanswered:
			if !repeat {
				return false
			}
		case unavailable:
		}
		if ctx.Err() != nil && time.Since(began) < longestAnswerAfter {
			return false
		}
		time.Sleep(rand.N(longestWait))
	}
}

// longestAnswerAfter is how long the last step of a client that ends may take.
const longestAnswerAfter = time.Minute

// run calls, refreshes and registers until the context ends.
func (c *client) run(ctx context.Context) {
	for ctx.Err() == nil && !c.ended {
		time.Sleep(rand.N(longestPause))
		c.try(ctx, "call", true, c.whoami)
		if !c.try(ctx, "refresh", true, c.Refresh) {
			c.ended = ctx.Err() == nil // what was acknowledged is checked at the end
		}
		if rand.N(registerOneIn) == 0 {
			another := harness.NewClient(c.Server, c.line)
			if c.try(ctx, "register", true, another.Register) {
				c.registered = append(c.registered[max(0, len(c.registered)-newest+1):], another.ID)
			}
		}
	}
}

func (c *client) whoami(ctx context.Context) error {
	_, err := c.Call(ctx, "whoami")
	return err
}

// signIn registers the client and has a person allow it. Without an answer on the way it
// begins again.
func (c *client) signIn(ctx context.Context) bool {
	if c.ID == "" && !c.try(ctx, "register", true, c.Register) {
		return false
	}
	for ctx.Err() == nil {
		if c.approve(ctx) {
			return true
		}
	}
	return false
}

func (c *client) approve(ctx context.Context) bool {
	b := harness.NewBrowser(c.line)
	var page *harness.Page
	ok := c.try(ctx, "authorize", true, func(ctx context.Context) (err error) {
		page, err = opened(b.Open(ctx, c.AuthorizeURL()))
		return err
	})
	for ok && page.Left == nil {
		ok = c.try(ctx, "sign-in page", false, func(ctx context.Context) error {
			next, err := b.Submit(ctx, page)
			if err == nil {
				page = next
			}
			return err
		})
	}
	if !ok {
		return false
	}
	code, err := c.Code(page.Left)
	if err != nil {
		c.load.tally.judge("authorization response", err)
		return false
	}
	return c.try(ctx, "exchange", false, func(ctx context.Context) error { return c.Exchange(ctx, code) })
}

// opened turns a page that says no into an error.
func opened(page *harness.Page, err error) (*harness.Page, error) {
	if err == nil && page.Left == nil && page.Status >= http.StatusBadRequest {
		return nil, &harness.Error{Status: page.Status, Header: page.Header, Code: "page", Description: page.Body}
	}
	return page, err
}
