package pgtest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
)

// Standby starts a synchronous standby of a running server: from now on, the server
// acknowledges no commit that the standby does not have. The caller closes it. The error
// wraps ErrNotFound when there is no pg_basebackup, which some packages of the server lack.
func (c *Cluster) Standby(ctx context.Context) (*Cluster, error) {
	s := &Cluster{bin: c.bin, cred: c.cred, settings: slices.Clone(c.settings)}
	if err := s.initWith(func() error { return s.copyFrom(c) }); err != nil {
		return nil, err
	}
	if err := s.Start(); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	if err := c.awaitStandby(ctx); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// Follow makes a stopped server a synchronous standby of another one. What only it had is
// gone.
func (c *Cluster) Follow(ctx context.Context, primary *Cluster) error {
	if err := os.RemoveAll(c.data()); err != nil {
		return err
	}
	if err := c.copyFrom(primary); err != nil {
		return err
	}
	if err := c.Start(); err != nil {
		return err
	}
	return primary.awaitStandby(ctx)
}

// Promote makes a standby take writes.
func (c *Cluster) Promote(ctx context.Context) error {
	return execute(ctx, c.DSN(), "SELECT pg_promote()")
}

// copyFrom copies the data of a running server for a standby.
func (c *Cluster) copyFrom(primary *Cluster) error {
	cmd := c.command("pg_basebackup", "-D", c.data(), "-d", fmt.Sprintf("host=%s port=%s user=%s", primary.dir, port, superuser),
		"-R", "-X", "stream", "-c", "fast", "--no-sync")
	if _, err := os.Stat(cmd.Path); err != nil {
		return fmt.Errorf("%w: %w", ErrNotFound, err)
	}
	return c.runOnce(cmd)
}

// awaitStandby makes commits wait for the standby, once that keeps up.
func (c *Cluster) awaitStandby(ctx context.Context) error {
	err := execute(ctx, c.DSN(), "ALTER SYSTEM SET synchronous_standby_names = '*'", "SELECT pg_reload_conf()")
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	conn, err := pgx.Connect(ctx, c.DSN())
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	for {
		var n int
		err := conn.QueryRow(ctx, "SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'").Scan(&n)
		if err != nil || n > 0 {
			return err
		}
		time.Sleep(pollInterval)
	}
}
