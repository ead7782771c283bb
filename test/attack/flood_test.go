//go:build attack

package attack_test

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// kind is a kind of request that anyone can send.
type kind struct {
	name  string
	build func(ctx context.Context, server string, i int64) (*http.Request, error)
}

// flood sends requests of a kind as fast as so many connections can, until it is stopped.
type flood struct {
	sent, refused, failed atomic.Int64 // refused: 429 or 503
	stop                  func()
}

func start(ctx context.Context, server string, k kind, connections int, every time.Duration) *flood {
	ctx, cancel := context.WithCancel(ctx)
	f := &flood{}
	client := &http.Client{
		Timeout: 30 * time.Second, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{MaxIdleConnsPerHost: connections, MaxConnsPerHost: connections},
	}
	var all sync.WaitGroup
	for range connections {
		all.Go(func() {
			for ctx.Err() == nil {
				began := time.Now()
				f.one(ctx, client, server, k)
				if rest := every - time.Since(began); rest > 0 {
					time.Sleep(rest)
				}
			}
		})
	}
	f.stop = func() { cancel(); all.Wait(); client.CloseIdleConnections() }
	return f
}

func (f *flood) one(ctx context.Context, client *http.Client, server string, k kind) {
	req, err := k.build(ctx, server, f.sent.Add(1))
	if err != nil {
		f.failed.Add(1)
		return
	}
	res, err := client.Do(req)
	if err != nil {
		if ctx.Err() == nil {
			f.failed.Add(1)
		}
		return
	}
	_, _ = io.Copy(io.Discard, res.Body)
	_ = res.Body.Close()
	if res.StatusCode == http.StatusTooManyRequests || res.StatusCode == http.StatusServiceUnavailable {
		f.refused.Add(1)
	}
}

func post(ctx context.Context, target, media, body string) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, target, strings.NewReader(body))
	if err == nil {
		req.Header.Set("Content-Type", media)
	}
	return req, err
}

func form(ctx context.Context, target string, values url.Values) (*http.Request, error) {
	return post(ctx, target, "application/x-www-form-urlencoded", values.Encode())
}
