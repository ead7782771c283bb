// Command withpg runs a command with a PostgreSQL server for its tests: it
// starts one server, names it in MCPKEEP_TEST_POSTGRES, runs the command,
// passes signals on to it, stops the server, and exits with the command's
// status. Without PostgreSQL it says so and runs the command all the same,
// unless MCPKEEP_REQUIRE_POSTGRES is set.
//
//	withpg go test ./...
//
// With -find in place of a command it only prints where PostgreSQL is, and
// exits with 1 when it is nowhere.
package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"syscall"

	"github.com/mcpkeep/mcpkeep/internal/db/pgtest"
)

func main() { os.Exit(run(os.Args[1:])) }

// run returns the exit status: the command's, 1 when PostgreSQL is required
// and missing or does not start, 2 for wrong usage.
func run(args []string) int {
	if len(args) == 0 {
		return complain(2, "usage: withpg -find | command [argument...]")
	}
	if args[0] == "-find" {
		return find()
	}
	if os.Getenv(pgtest.EnvAdminDSN) != "" {
		return command(args)
	}
	cluster, err := pgtest.Start(pgtest.InMemory())
	switch {
	case errors.Is(err, pgtest.ErrNotFound) && !pgtest.Required():
		complain(0, "tests on PostgreSQL will be skipped:", err)
		return command(args)
	case err != nil:
		return complain(1, err)
	}
	status := command(args, pgtest.EnvAdminDSN+"="+cluster.DSN())
	if err := cluster.Close(); err != nil {
		complain(0, err)
	}
	return status
}

func find() int {
	where, err := pgtest.Available()
	if err != nil {
		return complain(1, err)
	}
	fmt.Println(where)
	return 0
}

func complain(status int, what ...any) int {
	fmt.Fprintln(os.Stderr, append([]any{"withpg:"}, what...)...)
	return status
}

// command runs args with additions to the environment and returns its status,
// 128 and the signal's number for one that a signal ended.
func command(args []string, env ...string) int {
	cmd := exec.Command(args[0], args[1:]...) //nolint:noctx // signals end it
	cmd.Env = append(os.Environ(), env...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT)
	if err := cmd.Start(); err != nil {
		return complain(127, err)
	}
	go func() {
		for sig := range signals {
			_ = cmd.Process.Signal(sig) // it may have ended just now
		}
	}()
	err := cmd.Wait()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return complain(1, err)
	}
	if status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return 128 + int(status.Signal())
	}
	return cmd.ProcessState.ExitCode()
}
