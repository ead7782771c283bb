//go:build faults

package faults_test

import (
	"context"
	"net"
	"net/http"
	"sync/atomic"
	"time"
)

// line leads a client's requests to one server, on connections that it keeps, and measures
// the answers.
type line struct {
	*tally
	servers []*http.Transport
	to      atomic.Int32
}

func newLine(w *world, t *tally) *line {
	l := &line{tally: t}
	for _, door := range w.doors {
		l.servers = append(l.servers, &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "tcp", door)
		}})
	}
	return l
}

// turn leads the following requests to a server, counted round.
func (l *line) turn(to int) { l.to.Store(int32(to % len(l.servers))) }

func (l *line) RoundTrip(req *http.Request) (*http.Response, error) {
	began := time.Now()
	res, err := l.servers[l.to.Load()].RoundTrip(req)
	if err == nil {
		l.answered(time.Since(began))
	}
	return res, err
}

func (l *line) close() {
	for _, server := range l.servers {
		server.CloseIdleConnections()
	}
}
