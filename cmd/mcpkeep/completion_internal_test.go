package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
)

// asProgram makes the test binary run as mcpkeep, for the shells.
const asProgram = "MCPKEEP_TEST_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		os.Exit(run(context.Background(), os.Args[1:], streams{in: strings.NewReader(""), out: os.Stdout, err: os.Stderr}))
	}
	os.Exit(m.Run())
}

// wordsAt are the candidates at the end of a command line.
func wordsAt(t *testing.T, words ...string) []string {
	t.Helper()
	var out strings.Builder
	if status := run(t.Context(), append([]string{completeWords}, words...), streams{out: &out, err: io.Discard}); status != exitOK {
		t.Errorf("%q: status %d", words, status)
	}
	var list []string
	for line := range strings.Lines(out.String()) {
		word, _, _ := strings.Cut(line, "\t")
		list = append(list, word)
	}
	return list
}

// TestCompletionIsWhole: every command and flag that the help shows is a candidate.
func TestCompletionIsWhole(t *testing.T) {
	t.Parallel()
	model, _ := parse(t)
	commands, flags := 0, 0
	var visit func(node *kong.Node, words []string)
	visit = func(node *kong.Node, words []string) {
		names, dashed := wordsAt(t, append(words, "")...), wordsAt(t, append(words, "-")...)
		for _, child := range node.Children {
			commands++
			if !slices.Contains(names, child.Name) {
				t.Errorf("%q: %s is not in %q", words, child.Name, names)
			}
			visit(child, append(slices.Clone(words), child.Name))
		}
		for _, flag := range node.Flags {
			flags++
			if slices.Contains(dashed, "--"+flag.Name) == flag.Hidden {
				t.Errorf("%q: --%s: hidden is %t, candidates are %q", words, flag.Name, flag.Hidden, dashed)
			}
		}
	}
	visit(model.Node, nil)
	if commands < 25 || flags < 100 {
		t.Errorf("%d commands, %d flags", commands, flags)
	}
}

func TestCandidates(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ line, want string }{
		{"ke", "keys"},
		{"keys r", "rotate"},
		{"completion ", "bash zsh fish"},
		{"serve --log-format ", "text json"},
		{"serve --log-format j", "json"},
		{"serve --log-format = j", "json"}, // as bash splits it
		{"serve --log-format =", "text json"},
		{"serve --log-format=", "--log-format=text --log-format=json"},
		{"serve --database-url keys --no-auto", "--no-auto-migrate"}, // a value is no command
		{"serve --json --database-url ", ""},
		{"serve --nothing=", ""},
		{"bogus ke", "keys"},
	} {
		words := strings.Split(tt.line, " ")
		if got := strings.Join(wordsAt(t, words...), " "); got != tt.want {
			t.Errorf("%q: %q, want %q", tt.line, got, tt.want)
		}
	}
	if got := wordsAt(t); !slices.Contains(got, "serve") {
		t.Errorf("nothing typed: %q", got)
	}
}

// TestShells: the scripts work in the shells that they are for.
func TestShells(t *testing.T) {
	t.Parallel()
	bin := t.TempDir()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	program := fmt.Sprintf("#!/bin/sh\n%s=1 exec %q \"$@\"\n", asProgram, self)
	if err := os.WriteFile(filepath.Join(bin, "mcpkeep"), []byte(program), 0o755); err != nil {
		t.Fatal(err)
	}
	for shell, tt := range map[string]struct{ setup, ask string }{
		"bash": {"", `COMP_WORDS=(mcpkeep %s); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _mcpkeep mcpkeep; printf '%%s\n' "${COMPREPLY[@]}"`},
		"zsh": {
			`compdef() { :; }; _files() { :; }; _describe() { print -l -- "${(@P)2%%:*}"; };`,
			`words=(mcpkeep %s); CURRENT=$#words; _mcpkeep`,
		},
		"fish": {"", `complete -C (string join ' ' -- mcpkeep %s) | string split -f 1 \t; true`},
	} {
		t.Run(shell, func(t *testing.T) {
			t.Parallel()
			path, err := exec.LookPath(shell)
			if err != nil {
				if os.Getenv("MCPKEEP_REQUIRE_TOOLS") != "" {
					t.Fatalf("%s is required", shell)
				}
				t.Skipf("%s is not installed", shell)
			}
			for words, want := range map[string]string{
				"keys ''": "generate list rotate", "clients create --auth": "--auth-method", "serve --log-format ''": "json text",
			} {
				file := filepath.Join(t.TempDir(), "mcpkeep."+shell)
				script := tt.setup + "\nsource " + file + "\n" + fmt.Sprintf(tt.ask, words)
				command := exec.CommandContext(t.Context(), path, "-c", fmt.Sprintf("mcpkeep completion %s > %s && true", shell, file)+"\n"+script)
				command.Env = append(os.Environ(), "PATH="+bin+":"+os.Getenv("PATH"), "HOME="+bin)
				out, err := command.CombinedOutput()
				got := strings.Fields(string(out))
				slices.Sort(got)
				if err != nil || strings.Join(got, " ") != want {
					t.Errorf("%s: %v, %q, want %q", words, err, got, want)
				}
			}
		})
	}
}
