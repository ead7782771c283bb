package main

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/alecthomas/kong"

	"github.com/mcpkeep/mcpkeep/internal/console"
	"github.com/mcpkeep/mcpkeep/internal/db"
	"github.com/mcpkeep/mcpkeep/internal/display"
	"github.com/mcpkeep/mcpkeep/internal/setting"
)

type settingsCmd struct {
	serveFlags
	jsonFlag
	Env bool `name:"env" help:"Print a file of variables with comments, which a shell can source. Secrets are left out."`
}

// Help says what the command is for.
func (*settingsCmd) Help() string {
	return "Takes the flags and variables of serve, and shows the value of each setting and where it comes from. " +
		"It does not check them; `mcpkeep doctor` does. Secrets are never printed."
}

// knownSetting is a setting as it applies.
type knownSetting struct {
	Variable string `json:"variable"`
	Flag     string `json:"flag"` // "" for one that is a variable only
	Group    string `json:"group"`
	Value    string `json:"value"`   // masked in a secret
	Source   string `json:"source"`  // "default", "flag", "variable" or "alias"
	From     string `json:"from"`    // the flag or variable that is set
	File     string `json:"file"`    // with the value
	Default  string `json:"default"` // in words
	Help     string `json:"help"`
	secret   bool
}

// masked stands for a secret.
const masked = "(set, not shown)"

// Run prints the settings.
func (c *settingsCmd) Run(command *kong.Context, std streams) error {
	list := knownSettings(command)
	switch {
	case c.JSON:
		return console.WriteJSON(std.out, list)
	case c.Env:
		return printVariables(std.out, list)
	}
	table := console.NewTable(std.out, widthOf(std.out), console.Column{Title: "SETTING"}, console.Column{Title: "VALUE", Cut: true}, console.Column{Title: "FROM"})
	for _, s := range list {
		value := s.Value
		if s.Source == "default" {
			value = s.Default
		}
		if err := table.Add(s.Variable, display.Line(value, longestShown), s.origin()); err != nil {
			return err
		}
	}
	return table.End("")
}

const longestShown = 400

// origin describes where the value comes from.
func (s knownSetting) origin() string {
	text := s.Source
	if s.Source == "flag" || s.Source == "alias" {
		text += " " + s.From
	}
	if s.File != "" {
		text += ", file"
	}
	return text
}

// knownSettings returns the settings of a parsed command in the order of their groups.
func knownSettings(command *kong.Context) []knownSetting {
	given := map[*kong.Flag]bool{}
	for _, path := range command.Path {
		if path.Flag != nil {
			given[path.Flag] = true
		}
	}
	var list []knownSetting
	for _, flag := range settingFlags(command.Model, command.Selected().Name) {
		list = append(list, knownFlag(flag, given[flag]))
	}
	list = append(list, knownPassword())
	order := func(s knownSetting) int {
		return slices.IndexFunc(groups, func(g struct {
			title string
			names []string
		}) bool {
			return g.title == s.Group
		})
	}
	slices.SortStableFunc(list, func(a, b knownSetting) int { return cmp.Compare(order(a), order(b)) })
	return list
}

func knownFlag(flag *kong.Flag, given bool) knownSetting {
	s := knownSetting{
		Variable: flag.Envs[0], Flag: "--" + flag.Name, Group: groupOf(flag.Name), Source: "default", Value: textOf(flag),
		Default: defaultText(flag.Value), Help: oneLine(flag.Help), secret: isSecret(flag.Name),
	}
	if flag.Hidden {
		s.Flag = ""
	}
	if given {
		s.Source, s.From = "flag", "--"+flag.Name
	} else {
		for i, name := range flag.Envs {
			if os.Getenv(name) == "" {
				continue
			}
			s.Source, s.From = "variable", name
			if i > 0 {
				s.Source = "alias"
			}
			break
		}
	}
	return s.shown()
}

// knownPassword is the only secret without a flag.
func knownPassword() knownSetting {
	const name = "MCPKEEP_LOCAL_PASSWORD"
	s := knownSetting{
		Variable: name, Group: groupOf("local-password"), Source: "default", Default: "generated on first start and shown once, on the terminal or else in a file",
		Help: "Password of the local provider's user.", Value: setting.Trim(os.Getenv(name)), secret: true,
	}
	if s.Value != "" {
		s.Source, s.From = "variable", name
	}
	return s.shown()
}

// shown hides what is secret.
func (s knownSetting) shown() knownSetting {
	path, isFile := setting.FilePath(s.Value)
	switch {
	case isFile && s.secret && setting.IsPath(path):
		s.File = path
	case s.secret && strings.HasSuffix(s.Variable, databaseVariable) && s.Value != "":
		shown, ok := db.Redacted(s.Value)
		if s.Value = masked; ok {
			s.Value = shown
		}
	case s.secret && s.Value != "", strings.Contains(s.Value, "@") && strings.Contains(s.Value, ":/"):
		s.Value = masked // a URL with a password in another setting is refused, and not printed
	}
	return s
}

const databaseVariable = "DATABASE_URL"

// isSecret reports whether a setting must not be printed, by its name. The key of HTTPS is
// given as the path of its file.
func isSecret(name string) bool {
	if name == "tls-key" {
		return false
	}
	for _, ending := range []string{"secret", "password", "keys", "-key", "database-url", "token"} {
		if strings.HasSuffix(name, ending) {
			return true
		}
	}
	return false
}

// textOf returns the value of a setting as a variable would have it.
func textOf(flag *kong.Flag) string {
	if list, ok := flag.Target.Interface().([]string); ok {
		return strings.Join(list, ",")
	}
	return fmt.Sprint(flag.Target.Interface())
}

// printVariables prints a file that a shell can source. A setting at its default is a
// comment, and so is a secret that is not in a file.
func printVariables(w io.Writer, list []knownSetting) error {
	group := ""
	for _, s := range list {
		if s.Group != group {
			group = s.Group
			_, _ = fmt.Fprintf(w, "\n# ---- %s ----\n", group)
		}
		line := "export " + s.Variable + "=" + quotedValue(s.Value)
		switch {
		case s.Source == "default":
			line = "# export " + s.Variable + "="
		case s.secret && s.File == "" && !strings.HasPrefix(s.Value, "sqlite:"):
			line = "# export " + s.Variable + "=… # set, but a secret"
		}
		if _, err := fmt.Fprintf(w, "\n# %s\n# Default: %s\n%s\n", s.Help, s.Default, line); err != nil {
			return err
		}
	}
	return nil
}

// quotedValue is a value as one word for a shell.
func quotedValue(text string) string {
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}
