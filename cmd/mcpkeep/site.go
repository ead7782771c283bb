package main

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net/http"
	"time"
)

// How long the end takes after the drain: 8 seconds with the default one.
const (
	longestDrain = time.Minute
	finishFor    = 5 * time.Second // requests in flight, and questions to the provider
	closingFor   = time.Second     // a database that hangs
)

// leaver is what a site serves, as an app.App.
type leaver interface {
	// Leave makes load balancers look elsewhere.
	Leave()
	// Wait waits for what finished requests have left to do.
	Wait(ctx context.Context)
	CloseWithin(limit time.Duration) error
}

// site serves a handler until it is told to end.
type site struct {
	listeners listeners
	secure    *tls.Config // nil for plain HTTP
	handler   http.Handler
	app       leaver
	drain     time.Duration
	log       *slog.Logger
	metrics   *metricsSite // nil for none
}

// serve serves until the context is canceled, and then ends in an order that loses no
// request: load balancers look elsewhere, requests in flight are finished, everything is
// closed.
func (s *site) serve(ctx context.Context) error {
	web := &http.Server{
		Handler: s.handler, ReadHeaderTimeout: headerWait, // the handler sets the other deadlines
		Protocols: protocols(), TLSConfig: s.secure,
		IdleTimeout: idleWait, MaxHeaderBytes: maxHeaderLen, ErrorLog: slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
	}
	s.metrics.start(ctx, s.log)
	failed := make(chan error, len(s.listeners))
	for _, l := range s.listeners {
		go func() { failed <- serveOn(web, l, s.secure != nil) }()
	}
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	return s.end(context.WithoutCancel(ctx), web)
}

// end takes drain, finishFor and closingFor at most.
func (s *site) end(ctx context.Context, web *http.Server) error {
	s.log.InfoContext(ctx, "shutting down: finishing requests in flight")
	s.app.Leave()
	time.Sleep(s.drain)
	ctx, cancel := context.WithTimeout(ctx, finishFor)
	defer cancel()
	err := web.Shutdown(ctx)
	s.metrics.end(ctx)
	s.app.Wait(ctx)
	_ = web.Close() // what did not end in time
	if closed := s.app.CloseWithin(closingFor); closed != nil {
		s.log.WarnContext(ctx, "the database did not close in time")
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return nil
	}
	return err
}
