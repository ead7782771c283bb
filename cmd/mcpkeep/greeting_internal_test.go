package main

import (
	"bytes"
	"strings"
	"testing"
)

// TestPasswordOnTerminal: a terminal shows the first password, and nothing else does.
func TestPasswordOnTerminal(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	g := &greeting{std: streams{out: &out}, said: true}
	if g.shown() != nil {
		t.Error("a buffer is taken for a terminal")
	}
	if g.password("sesame"); !strings.Contains(out.String(), "sesame") {
		t.Error(out.String())
	}
}
