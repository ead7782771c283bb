package bearer

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

const (
	fresh      = 800 * time.Millisecond // that an answer is used for
	askFor     = 5 * time.Second
	retryAfter = 5 * time.Second
	maxKnown   = 10_000   // answers; some 500 bytes each
	maxAnswer  = 64 << 10 // bytes
	maxToken   = 512      // bytes; mcpkeep's have 68
)

// tokens asks mcpkeep what access tokens are worth (RFC 7662), and knows its answers for a
// moment. Of any number of requests with the same token, one asks.
type tokens struct {
	url, resource string
	id, secret    string
	client        *http.Client
	log           *slog.Logger
	now           func() time.Time

	mu    sync.Mutex
	known map[[sha256.Size]byte]*answer
}

// answer is what mcpkeep said, once done is closed.
type answer struct {
	done   chan struct{}
	asked  time.Time
	person *Person // nil when the token is not active
	err    error   // why mcpkeep could not be asked
}

func newTokens(cfg Config, introspect, resource string) *tokens {
	client := http.Client{Timeout: askFor}
	if cfg.HTTPClient != nil {
		client = *cfg.HTTPClient
		if client.Timeout <= 0 || client.Timeout > askFor {
			client.Timeout = askFor
		}
	}
	// A redirect would carry the secret elsewhere.
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &tokens{
		url: introspect, resource: resource, id: cfg.ClientID, secret: cfg.ClientSecret, client: &client, log: cfg.Logger, now: time.Now,
		known: make(map[[sha256.Size]byte]*answer),
	}
}

// person returns who a token stands for. errInactive when it is none of this resource.
func (t *tokens) person(ctx context.Context, token string) (*Person, error) {
	if token == "" || len(token) > maxToken {
		return nil, errInactive
	}
	a, first := t.lookUp(sha256.Sum256([]byte(token)))
	if first {
		go t.ask(context.WithoutCancel(ctx), token, a) // others may wait for the same answer
	}
	select {
	case <-a.done:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	switch {
	case a.err != nil:
		return nil, a.err
	case a.person == nil:
		return nil, errInactive
	}
	return a.person, nil
}

// lookUp returns the fresh answer, or the one that is being asked for; or else a new one,
// for which the caller, being first, has to ask.
func (t *tokens) lookUp(key [sha256.Size]byte) (a *answer, first bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.now()
	if a := t.known[key]; a != nil && now.Sub(a.asked) < fresh {
		return a, false
	}
	if len(t.known) >= maxKnown {
		t.dropStale(now)
	}
	a = &answer{done: make(chan struct{}), asked: now}
	t.known[key] = a
	return a, true
}

// dropStale makes room: it removes expired answers, or an arbitrary one if none has expired.
func (t *tokens) dropStale(now time.Time) {
	for key, a := range t.known {
		if now.Sub(a.asked) >= fresh {
			delete(t.known, key)
		}
	}
	for key := range t.known {
		if len(t.known) < maxKnown {
			return
		}
		delete(t.known, key)
	}
}

// introspection is the answer about a token (RFC 7662 section 2.2).
type introspection struct {
	Active   bool     `json:"active"`
	Audience string   `json:"aud"`
	Subject  string   `json:"sub"`
	Email    string   `json:"email"`
	Groups   []string `json:"groups"`
	ClientID string   `json:"client_id"`
	Scope    string   `json:"scope"`
}

// ask asks mcpkeep. A failure is not kept: the next request asks again.
func (t *tokens) ask(ctx context.Context, token string, a *answer) {
	defer close(a.done)
	said, err := t.introspect(ctx, token)
	if err != nil {
		a.err = err
		t.log.WarnContext(ctx, "mcpkeep could not be asked about an access token", "error", err)
		t.mu.Lock()
		defer t.mu.Unlock()
		if key := sha256.Sum256([]byte(token)); t.known[key] == a {
			delete(t.known, key)
		}
		return
	}
	if !said.Active || said.Audience != t.resource {
		return
	}
	a.person = &Person{
		ID: said.Subject, Email: said.Email, Groups: said.Groups, ClientID: said.ClientID, Scopes: strings.Fields(said.Scope),
	}
}

var errAnswer = errors.New("bearer: mcpkeep's answer to an introspection cannot be used")

func (t *tokens) introspect(ctx context.Context, token string) (introspection, error) {
	var said introspection
	form := url.Values{"token": {token}, "token_type_hint": {"access_token"}}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, t.url, strings.NewReader(form.Encode()))
	if err != nil {
		return said, err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Accept", "application/json")
	req.SetBasicAuth(url.QueryEscape(t.id), url.QueryEscape(t.secret))
	resp, err := t.client.Do(req)
	if err != nil {
		return said, err
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	switch {
	case err != nil:
		return said, err
	case resp.StatusCode != http.StatusOK:
		return said, fmt.Errorf("%w: status %d", errAnswer, resp.StatusCode)
	case json.Unmarshal(body, &said) != nil:
		return said, fmt.Errorf("%w: not JSON", errAnswer)
	}
	return said, nil
}
