package process

import (
	"maps"
	"slices"
	"strings"
)

// inherited are the variables of mcpkeep that a command gets. None of them is one of its settings.
var inherited = []string{"PATH", "HOME", "USER", "LANG", "TZ", "TMPDIR"}

// Environ returns the whole environment of a command: the inherited variables of base, those of
// the user that it runs as, those of its entry in the configuration, and who calls. A later one
// replaces an earlier one, and what an entry says of MCPKEEP_USER does not count.
func Environ(base []string, user *Credential, entry, identity map[string]string) []string {
	values := map[string]string{}
	for _, variable := range base {
		if name, value, ok := strings.Cut(variable, "="); ok && slices.Contains(inherited, name) {
			values[name] = value
		}
	}
	if user != nil {
		values["HOME"], values["USER"] = user.Home, user.Name
	}
	maps.Copy(values, entry)
	maps.Copy(values, identity)
	list := make([]string, 0, len(values))
	for _, name := range slices.Sorted(maps.Keys(values)) {
		if !strings.ContainsRune(values[name], 0) { // would end the variable early
			list = append(list, name+"="+values[name])
		}
	}
	return list
}
