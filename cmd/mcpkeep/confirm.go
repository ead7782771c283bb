package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"strings"
)

// errNotConfirmed ends a command that would have ended or deleted something.
var errNotConfirmed = errors.New("not confirmed; nothing was changed (--yes answers for you)")

// confirmed asks a question and says whether the answer was yes. Only a person at a
// terminal can answer: a script says --yes.
func confirmed(ctx context.Context, std streams, question string) bool {
	_, _ = fmt.Fprint(std.err, question)
	if !std.terminal {
		_, _ = fmt.Fprintln(std.err, "(standard input is no terminal)")
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
