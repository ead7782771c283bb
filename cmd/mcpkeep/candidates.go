package main

import (
	"slices"
	"strings"

	"github.com/alecthomas/kong"
)

// candidate is a word that may come next on the command line.
type candidate struct{ word, help string }

// candidates returns what may stand at the cursor, which is in the last word.
func candidates(app *kong.Application, words []string) []candidate {
	words = splitValues(words)
	if len(words) == 0 {
		words = []string{""}
	}
	if _, behind := splitCommand(words[:len(words)-1]); behind != nil {
		return nil // another program's arguments
	}
	node := app.Node
	var awaiting *kong.Flag // its value comes next
	for _, word := range words[:len(words)-1] {
		if awaiting != nil {
			awaiting = nil
		} else if strings.HasPrefix(word, "-") {
			awaiting = valueFlag(node, word)
		} else if child := childOf(node, word); child != nil {
			node = child
		}
	}
	return matching(candidatesAt(node, awaiting, words[len(words)-1]), words[len(words)-1])
}

// splitValues handles "=" as bash does, which makes it a word of its own.
func splitValues(words []string) []string {
	words = slices.Clone(words)
	for i := len(words) - 1; i > 0; i-- {
		if words[i] == "=" && strings.HasPrefix(words[i-1], "--") {
			if i == len(words)-1 {
				words[i] = ""
			} else {
				words = slices.Delete(words, i, i+1)
			}
		}
	}
	return words
}

func candidatesAt(node *kong.Node, awaiting *kong.Flag, word string) []candidate {
	name, _, joined := strings.Cut(word, "=")
	switch {
	case awaiting != nil:
		return choicesOf(awaiting.Value, "")
	case joined:
		if flag := valueFlag(node, name); flag != nil {
			return choicesOf(flag.Value, name+"=")
		}
		return nil
	case strings.HasPrefix(word, "-"):
		return flagsOf(node)
	}
	var list []candidate
	for _, child := range node.Children {
		if !child.Hidden {
			list = append(list, candidate{child.Name, child.Help})
		}
	}
	for _, arg := range node.Positional {
		list = append(list, choicesOf(arg, "")...)
	}
	return list
}

// flagsOf lists the flags of a command and of those above it.
func flagsOf(node *kong.Node) []candidate {
	var list []candidate
	for _, group := range node.AllFlags(true) {
		for _, flag := range group {
			list = append(list, candidate{"--" + flag.Name, flag.Help})
			if flag.Tag.Negatable != "" {
				list = append(list, candidate{"--no-" + flag.Name, flag.Help})
			}
		}
	}
	return list
}

// valueFlag returns the flag if a value is its next word.
func valueFlag(node *kong.Node, word string) *kong.Flag {
	for _, group := range node.AllFlags(false) {
		for _, flag := range group {
			if "--"+flag.Name == word && !flag.IsBool() {
				return flag
			}
		}
	}
	return nil
}

func childOf(node *kong.Node, name string) *kong.Node {
	for _, child := range node.Children {
		if child.Name == name {
			return child
		}
	}
	return nil
}

// choicesOf lists the values of an enumeration; others are up to the shell.
func choicesOf(v *kong.Value, prefix string) []candidate {
	var list []candidate
	if v.Enum == "" {
		return nil
	}
	for _, choice := range v.EnumSlice() {
		if choice != "" {
			list = append(list, candidate{prefix + choice, ""})
		}
	}
	return list
}

func matching(list []candidate, word string) []candidate {
	return slices.DeleteFunc(list, func(c candidate) bool { return !strings.HasPrefix(c.word, word) })
}
