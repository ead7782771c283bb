//go:build bench

package bench_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/oauth"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

const (
	refreshRounds, refreshesEach = 40, 4
	callersAtOnce                = 8
)

// measureRefresh measures rotations of refresh tokens, by several concurrent callers.
func measureRefresh(t *testing.T, r *report, dbs pair[*database]) {
	t.Helper()
	var sides []func(int)
	for _, d := range dbs {
		var families [callersAtOnce]*family
		for i := range families {
			families[i] = d.connect(t, i)
		}
		sides = append(sides, func(int) {
			var wg sync.WaitGroup
			for _, f := range families {
				wg.Go(func() { f.refresh(t) })
			}
			wg.Wait()
		})
	}
	took := inTurns(refreshRounds, refreshesEach, sides...)
	rate := func(i int) float64 { return callersAtOnce * float64(time.Second) / took[i] }
	r.add(figure{
		what: fmt.Sprintf("refresh rotations, %d callers", callersAtOnce), took: pair[float64]{rate(0), rate(1)}, rate: true, format: perSec,
	})
}

// family is a grant whose refresh token rotates.
type family struct {
	d      *database
	client string
	tokens storage.NewTokens
}

func newTokens() storage.NewTokens {
	now := time.Now()
	return storage.NewTokens{
		Access:  storage.NewToken{Value: oauth.NewAccessToken(), ExpiresAt: now.Add(time.Hour)},
		Refresh: storage.NewToken{Value: oauth.NewRefreshToken(), ExpiresAt: now.Add(2160 * time.Hour)},
	}
}

// connect signs a person in with one of the clients.
func (d *database) connect(t *testing.T, person int) *family {
	t.Helper()
	now, f := time.Now(), &family{d: d, client: d.anyClient()}
	id, verifier, code := oauth.NewID("az"), oauth.NewVerifier(), oauth.NewCode()
	browser := storage.HashOf("browser")
	must(t, d.store.RestoreAuthorization(t.Context(), storage.Authorization{
		ID: id, Browser: browser, CreatedAt: now, ExpiresAt: now.Add(time.Minute),
		Request: storage.Request{
			ClientID: f.client, RedirectURI: redirectURI, Scope: "mcp offline_access", Resource: baseURL + "/mcp",
			CodeChallenge: oauth.Challenge(verifier),
		},
	}))
	get(d.store.FinishAuthorization(t.Context(), storage.Completion{
		AuthorizationID: id, Browser: browser, GrantID: storage.NewOrderedID(storage.GrantIDPrefix, now), Code: storage.HashOf(code), CodeExpiresAt: now.Add(time.Minute),
		Person: storage.Person{Issuer: "local", Subject: fmt.Sprint("person ", person), Login: "someone", Name: "Some One"},
	}, now))(t)
	issued := get(d.store.ExchangeCode(t.Context(), storage.CodeExchange{
		Code: storage.HashOf(code), ClientID: f.client, RedirectURI: redirectURI, Challenge: oauth.Challenge(verifier), Next: newTokens(),
	}, now))(t)
	f.tokens = issued.Tokens
	return f
}

func (f *family) refresh(t *testing.T) {
	t.Helper()
	issued, err := f.d.store.RotateRefreshToken(t.Context(), storage.RefreshRotation{
		Token: storage.HashOf(f.tokens.Refresh.Value), ClientID: f.client, Grace: 2 * time.Minute, Next: newTokens(),
	}, time.Now())
	if err != nil {
		t.Error(err)
		return
	}
	f.tokens = issued.Tokens
}
