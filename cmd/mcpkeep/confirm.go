package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"strings"
)

// errNotConfirmed ends a destructive command that was not confirmed.
var errNotConfirmed = errors.New("not confirmed; nothing was changed (--yes skips the prompt)")

// confirmed asks a question and reports whether the answer is yes. It needs a terminal:
// scripts use --yes.
func confirmed(ctx context.Context, std streams, question string) bool {
	_, _ = fmt.Fprint(std.err, question)
	if !std.terminal {
		_, _ = fmt.Fprintln(std.err, "(standard input is not a terminal)")
		return false
	}
	answer := make(chan string, 1)
	go func() {
		line, _ := bufio.NewReader(std.in).ReadString('\n')
		answer <- line
	}()
	select {
	case line := <-answer:
		return strings.TrimSpace(line) == "yes"
	case <-ctx.Done():
		_, _ = fmt.Fprintln(std.err)
		return false
	}
}
