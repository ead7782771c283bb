package main

import (
	_ "embed"
	"fmt"
	"io"
)

// The scripts ask the program for candidates, so that they never go out of date.
var (
	//go:embed completion/mcpkeep.bash
	bashCompletion string
	//go:embed completion/mcpkeep.zsh
	zshCompletion string
	//go:embed completion/mcpkeep.fish
	fishCompletion string
)

type completionCmd struct {
	Shell string `arg:"" enum:"bash,zsh,fish" help:"bash, zsh or fish."`
}

// Help explains the installation.
func (*completionCmd) Help() string {
	return "bash: add `source <(mcpkeep completion bash)` to ~/.bashrc. zsh: add `source <(mcpkeep completion zsh)` to ~/.zshrc, " +
		"after compinit. fish: run `mcpkeep completion fish > ~/.config/fish/completions/mcpkeep.fish`."
}

// Run prints the script.
func (c *completionCmd) Run(std streams) error {
	script := map[string]string{"bash": bashCompletion, "zsh": zshCompletion, "fish": fishCompletion}[c.Shell]
	_, err := io.WriteString(std.out, script)
	return err
}

// completeWords is the command that the scripts call with the words before the cursor.
// It is not parsed like the others: its arguments are what the user has typed so far.
const completeWords = "complete-words"

// printCandidates prints what may come next, one candidate per line with its help
// after a tab.
func printCandidates(w io.Writer, candidates []candidate) int {
	for _, c := range candidates {
		if _, err := fmt.Fprintf(w, "%s\t%s\n", c.word, oneLine(c.help)); err != nil {
			return exitFailed
		}
	}
	return exitOK
}
