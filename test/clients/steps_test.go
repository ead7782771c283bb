//go:build clients

package clients_test

import (
	"slices"
	"strings"
	"time"

	"github.com/mcpkeep/mcpkeep/test/harness"
)

// step is one thing that a client goes through.
type step int

const (
	signIn step = iota
	refresh
	restart
	stepUp
	revocation
	steps // how many
)

var stepNames = [steps]string{"sign-in, tool call", "refresh", "restart", "step-up", "revocation"}

// outcome is how a client got through a step.
type outcome string

const (
	byItself    outcome = "yes"                // without help
	reconnected outcome = "after reconnecting" // the call failed; a new connection by the application worked
	configured  outcome = "by the application" // the application had to be told
)

// live takes a client through all steps, in sequence.
func (l *life) live(w way, known setup) [steps]outcome {
	l.t.Helper()
	first := l.signIn(w, known)
	renewed := l.refresh(first)
	l.keepToken(renewed)
	up := l.stepUp()
	return [steps]outcome{byItself, byItself, byItself, up, l.revocation()}
}

// signIn connects a client that has nothing but its setup.
func (l *life) signIn(w way, known setup) whoami {
	l.t.Helper()
	var who whoami
	s := l.during(func() {
		if err := l.client.connect(); err != nil {
			l.t.Fatal(err)
		}
		who = l.mustWho()
	}, func(s seen) bool { return s.grants > 0 })
	if s.grants != 1 || s.registrations != w.registrations {
		l.t.Errorf("sign-in: %+v, want one grant and %d registrations", s, w.registrations)
	}
	if id := known.ClientID + known.DocumentURL; id != "" && who.ClientID != id {
		l.t.Errorf("the client is known as %q, want %q", who.ClientID, id)
	}
	if slices.Contains(who.Scopes, manage) {
		l.t.Errorf("scopes %q: more than the client needs to begin with", who.Scopes)
	}
	return who
}

// refresh lets the access token expire, across a crash of the server. The tokens
// that it issues from then on live long. A client that still holds its token for
// alive, because it counts from when the answer got to it, would run into a 401.
func (l *life) refresh(before whoami) whoami {
	l.t.Helper()
	l.server.SetEnv(ttl(longTTL))
	l.restart()
	time.Sleep(time.Until(before.ExpiresAt.Add(time.Second + slowestAnswer))) // which is told in whole seconds
	var after whoami
	s := l.during(func() { after = l.mustWho() }, func(s seen) bool { return s.renewals > 0 })
	if s.renewals != 1 || s.grants != 0 || s.registrations != 0 {
		l.t.Errorf("refresh: %+v, want one token answer and nothing else", s)
	}
	l.same(before, after)
	if !after.ExpiresAt.After(before.ExpiresAt) {
		l.t.Error("refresh: the same access token")
	}
	return after
}

// keepToken crashes the server: the client continues with the token that it has.
func (l *life) keepToken(before whoami) {
	l.t.Helper()
	l.restart()
	after := l.mustWho()
	l.same(before, after)
	if !after.ExpiresAt.Equal(before.ExpiresAt) {
		l.t.Error("restart: another access token")
	}
}

// same checks that it is the same connection.
func (l *life) same(before, after whoami) {
	l.t.Helper()
	if after.UserID != before.UserID || after.ClientID != before.ClientID || after.ConnectionID != before.ConnectionID {
		l.t.Errorf("the connection was %+v and is %+v", before, after)
	}
}

// manage is the scope of the tool that ends a connection.
const manage = "mcp:manage"

// stepUp calls a tool that needs more scope than the token has. It is asked for a
// connection that does not exist, so that its own answer is an error of another kind.
func (l *life) stepUp() outcome {
	l.t.Helper()
	how := byItself
	s := l.during(func() {
		r, err := l.endNothing()
		if allowed(r, err) {
			return
		}
		how = l.toldToAskFor("mcp "+manage, r, err)
	}, func(s seen) bool { return s.stepUps > 0 && s.grants > 0 })
	if s.stepUps == 0 || s.grants != 1 {
		l.t.Errorf("step-up: %+v, want a refusal and one grant", s)
	}
	if who := l.mustWho(); !slices.Contains(who.Scopes, manage) {
		l.t.Errorf("step-up: scopes %q lack %s", who.Scopes, manage)
	}
	return how
}

func (l *life) endNothing() (result, error) {
	return l.client.call("revoke_connection", map[string]any{"connection_id": "g_none"})
}

// allowed reports whether a tool ran: its answer is that there is no such connection.
func allowed(r result, err error) bool {
	return err == nil && r.IsError && strings.Contains(string(r.Content), "no connection with this ID")
}

// toldToAskFor has the application ask for a scope, after the library did not.
func (l *life) toldToAskFor(scope string, r result, err error) outcome {
	l.t.Helper()
	l.t.Logf("no step-up: %s %v", r.Content, err)
	if err := l.client.askFor(scope); err != nil {
		l.t.Fatal(err)
	}
	if err := l.client.connect(); err != nil {
		l.t.Fatal(err)
	}
	if r, err := l.endNothing(); !allowed(r, err) {
		l.t.Fatalf("step-up: %s %v", r.Content, err)
	}
	return configured
}

// revocation has the person end the connection elsewhere. The next call is
// refused, and the client signs in again.
func (l *life) revocation() outcome {
	l.t.Helper()
	before := l.mustWho()
	l.endElsewhere(before.ConnectionID)
	how := byItself
	var after whoami
	s := l.during(func() {
		var err error
		if after, err = l.who(); err == nil {
			return
		}
		l.t.Logf("call after revocation: %s", firstLine(err))
		how = reconnected
		if err := l.client.connect(); err != nil {
			l.t.Fatal(err)
		}
		after = l.mustWho()
	}, func(s seen) bool { return s.refusals > 0 && s.grants > 0 })
	if s.refusals == 0 || s.grants != 1 {
		l.t.Errorf("revocation: %+v, want a refusal and one grant", s)
	}
	if after.ConnectionID == before.ConnectionID || after.UserID != before.UserID {
		l.t.Errorf("the connection was %+v and is %+v", before, after)
	}
	return how
}

// endElsewhere ends a connection with another client of the same person.
func (l *life) endElsewhere(connection string) {
	l.t.Helper()
	other := harness.NewClient(l.server.URL, nil)
	other.Scope = "mcp " + manage
	if err := other.SignIn(l.t.Context(), harness.NewBrowser(nil)); err != nil {
		l.t.Fatal(err)
	}
	if _, err := other.CallWith(l.t.Context(), "revoke_connection", map[string]any{"connection_id": connection}); err != nil {
		l.t.Fatal(err)
	}
}
