//go:build chaos

package week_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/signal"
	"syscall"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/cache"
	"github.com/mcpkeep/mcpkeep/internal/cimd"
	"github.com/mcpkeep/mcpkeep/internal/db"
	"github.com/mcpkeep/mcpkeep/internal/fetch"
	"github.com/mcpkeep/mcpkeep/internal/identity"
	"github.com/mcpkeep/mcpkeep/internal/keyring"
	"github.com/mcpkeep/mcpkeep/internal/mcpserver"
	"github.com/mcpkeep/mcpkeep/internal/repo"
	"github.com/mcpkeep/mcpkeep/internal/server"
	"github.com/mcpkeep/mcpkeep/internal/storage"
	"github.com/mcpkeep/mcpkeep/test/harness"
)

// What a server is told by its environment.
const (
	envURL     = "MCPKEEP_WEEK_URL"
	envKey     = "MCPKEEP_WEEK_KEY"
	envAhead   = "MCPKEEP_WEEK_AHEAD" // of its clock
	envVersion = "MCPKEEP_WEEK_VERSION"
)

const (
	baseURL = "http://127.0.0.1:9999" // where nothing listens: the route leads to the servers
	drain   = 5 * time.Second
	// onTheirWay is how long requests arrive after they were led elsewhere.
	onTheirWay = 300 * time.Millisecond
)

func TestMain(m *testing.M) {
	if os.Getenv(envURL) != "" {
		if err := serve(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	harness.Main(m)
}

// serve runs a server with the program's default lifetimes until SIGTERM. It prints its
// address when it is ready.
func serve() error {
	ahead, err := time.ParseDuration(os.Getenv(envAhead))
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	handler, err := surface(ctx, func() time.Time { return time.Now().Add(ahead) })
	if err != nil {
		return err
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	srv := &http.Server{Handler: handler, ReadHeaderTimeout: drain}
	fmt.Println(listener.Addr())
	go func() {
		<-ctx.Done()
		time.Sleep(onTheirWay) // as the program does, see MCPKEEP_DRAIN
		draining, cancel := context.WithTimeout(context.Background(), drain)
		defer cancel()
		_ = srv.Shutdown(draining) // what is in flight finishes
		_ = os.Stdout.Close()
	}()
	if err := srv.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	time.Sleep(100 * time.Millisecond)
	return nil
}

// surface is what the program serves, with the local provider, and a clock of its own.
func surface(ctx context.Context, now func() time.Time) (http.Handler, error) {
	d, err := db.Open(ctx, os.Getenv(envURL))
	if err != nil {
		return nil, err
	}
	if _, err := d.Migrate(ctx); err != nil {
		return nil, err
	}
	keys, err := keyring.Parse(os.Getenv(envKey))
	if err != nil {
		return nil, err
	}
	r := repo.New(d, keys)
	if err := r.CheckKeys(ctx, now()); err != nil {
		return nil, err
	}
	if err := setPassword(ctx, r, now()); err != nil {
		return nil, err
	}
	// The cleaner, which runs at every start.
	keep := storage.Retention{Replaced: 7 * 24 * time.Hour, Grace: 2 * time.Minute, Events: 90 * 24 * time.Hour, UnusedClients: time.Hour}
	if _, err := r.DeleteExpired(ctx, now(), keep, 1000); err != nil {
		return nil, err
	}
	logger := slog.New(slog.DiscardHandler)
	network, err := netip.ParsePrefix(os.Getenv("MCPKEEP_CIMD_ALLOWED_NETWORKS"))
	if err != nil {
		return nil, err
	}
	documents := cimd.New(cimd.Config{
		Store: r, Fetcher: fetch.New(fetch.Config{Networks: []netip.Prefix{network}, Now: now}), Logger: logger, Now: now,
	})
	store := cache.New(documents.ClientStore(r), now)
	srv, err := server.New(server.Config{
		BaseURL: baseURL, Name: "Week", Loopback: true, Provider: identity.Local{}, Store: store, Documents: true, Logger: logger, Now: now,
		Lifetimes: server.Lifetimes{AccessToken: 12 * time.Hour, RefreshToken: 2160 * time.Hour, Grace: 2 * time.Minute},
		Resources: []server.Resource{{Path: "/mcp", Handler: mcpserver.New(mcpserver.Config{
			Store: store, Version: os.Getenv(envVersion), BaseURL: baseURL, Logger: logger, Now: now,
		})}},
	})
	if err != nil {
		return nil, err
	}
	return srv.Handler(), nil
}

func setPassword(ctx context.Context, r *repo.Repo, now time.Time) error {
	hash, err := identity.HashPassword(harness.Password)
	if err != nil {
		return err
	}
	owner := identity.Local{}.Person()
	err = r.SetPassword(ctx, storage.Person{Issuer: owner.Issuer, Subject: owner.Subject, Login: owner.Login, Name: owner.Name}, hash, false, now)
	if errors.Is(err, storage.ErrExists) {
		return nil
	}
	return err
}
