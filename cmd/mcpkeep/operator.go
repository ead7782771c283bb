package main

import (
	"cmp"
	"os/user"
	"strings"

	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// longestUser bounds what events hold.
const longestUser = 32

// operator is who runs a command, for events: "operator:" and the operating system's name
// of the user, of which only characters that any name has are kept.
func operator() string {
	u, err := user.Current()
	if err != nil {
		return storage.ActorOperator
	}
	return operatorCalled(cmp.Or(u.Username, u.Uid))
}

func operatorCalled(name string) string {
	name = strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("._@-", r) {
			return r
		}
		return '_'
	}, name)
	if name == "" {
		return storage.ActorOperator
	}
	return storage.ActorOperator + ":" + name[:min(len(name), longestUser)]
}
