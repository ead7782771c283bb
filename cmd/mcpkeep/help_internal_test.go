package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/alecthomas/kong"

	"github.com/mcpkeep/mcpkeep/internal/db/dbtest"
)

// modelOf is the command line as run sees it.
func modelOf(t *testing.T) *kong.Kong {
	t.Helper()
	var bad badValue
	parser, err := kong.New(&cli{}, kong.Name("mcpkeep"), bad.mappers(), kong.Exit(func(int) {}))
	if err != nil {
		t.Fatal(err)
	}
	arrange(parser.Model)
	return parser
}

// TestEverySetting: a setting has a heading, a default in words, and a row in the
// documentation.
func TestEverySetting(t *testing.T) {
	t.Parallel()
	docs, err := os.ReadFile("../../docs/configuration.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, flag := range settingFlags(modelOf(t).Model, "serve") {
		if flag.Group == nil {
			t.Errorf("--%s belongs to no group: see groups.go", flag.Name)
		}
		if defaultText(flag.Value) == "" || flag.Help == "" {
			t.Errorf("--%s has no default in words, or no help", flag.Name)
		}
		row := false
		for line := range strings.Lines(string(docs)) {
			row = row || strings.HasPrefix(line, "| ") && strings.Contains(line, "`"+flag.Envs[0]+"`")
		}
		if !row && !flag.Hidden {
			t.Errorf("%s has no row in docs/configuration.md", flag.Envs[0])
		}
	}
}

// TestExamples: each command has one example, which can be parsed.
func TestExamples(t *testing.T) {
	t.Parallel()
	parser := modelOf(t)
	for _, leaf := range parser.Model.Leaves(true) {
		name := commandName(leaf)
		example := examples[name]
		_, words, found := strings.Cut(example, "mcpkeep ")
		if at := strings.IndexAny(words, "|>"); at >= 0 {
			words = words[:at]
		}
		command, err := modelOf(t).Parse(strings.Fields(words))
		if !found || err != nil || commandName(command.Selected()) != name || strings.Contains(example, "\n") {
			t.Errorf("%s: the example is %q: %v", name, example, err)
		}
		if !strings.Contains(leaf.Detail, example) {
			t.Errorf("%s: the help is %q", name, leaf.Detail)
		}
	}
}

// TestHelp: what someone types who does not know the program.
func TestHelp(t *testing.T) {
	got := command(t, nil)
	if got.status != exitUsage || got.out != "" || !strings.Contains(got.err, "Usage: mcpkeep COMMAND") || !strings.Contains(got.err, "  serve") {
		t.Errorf("without a command: %+v", got)
	}
	for _, tt := range []struct{ args, same string }{
		{"help", "--help"}, {"help serve", "serve --help"}, {"help keys rotate", "keys rotate --help"},
	} {
		got, want := command(t, nil, strings.Fields(tt.args)...), command(t, nil, strings.Fields(tt.same)...)
		if got != want || got.status != exitOK || got.err != "" {
			t.Errorf("%s: %+v, want %+v", tt.args, got, want)
		}
	}
	command(t, nil, "help", "clients", "list").wants(t, exitOK, "ordered by ID", "Default 100.")
	command(t, nil, "help", "bogus").wants(t, exitUsage, "bogus")
	command(t, nil, "help", "migrate", "status").wants(t, exitOK, "Example:", "mcpkeep migrate status --check", "Database:", "sqlite:mcpkeep.db (")
}

// TestSettings: value and origin of each setting, and no secret.
func TestSettings(t *testing.T) {
	env := map[string]string{
		"DATABASE_URL": "postgres://u:sesame1@db.example.com/d?sslpassword=sesame2", "OAUTH_STORAGE_ENCRYPTION_KEY": "sesame3",
		"MCPKEEP_GITHUB_CLIENT_SECRET": "file:/run/secrets/github", "MCPKEEP_LOCAL_PASSWORD": "sesame4", "MCPKEEP_OIDC_CLIENT_SECRET": "sesame5",
		"MCPKEEP_OIDC_ISSUER": "https://u:sesame6@login.example.com", "MCPKEEP_ALLOWED_USERS": " alice, bob ", "PORT": "9000",
		"MCPKEEP_TLS_KEY": "/etc/key.pem",
	}
	args := []string{"settings", "--name", "It's ours"}
	byName := map[string]knownSetting{}
	got := command(t, env, append(args, "--json")...)
	var list []knownSetting
	if err := json.Unmarshal([]byte(got.out), &list); err != nil || got.status != exitOK {
		t.Fatalf("%v: %+v", err, got)
	}
	for _, s := range list {
		byName[s.Variable] = s
	}
	for name, want := range map[string][3]string{ // value, source, from
		"DATABASE_URL":                 {"postgres://u:xxxxx@db.example.com/d?sslpassword=xxxxx", "variable", "DATABASE_URL"},
		"MCPKEEP_ENCRYPTION_KEYS":      {masked, "alias", "OAUTH_STORAGE_ENCRYPTION_KEY"},
		"MCPKEEP_GITHUB_CLIENT_SECRET": {"file:/run/secrets/github", "variable", "MCPKEEP_GITHUB_CLIENT_SECRET"},
		"MCPKEEP_LOCAL_PASSWORD":       {masked, "variable", "MCPKEEP_LOCAL_PASSWORD"},
		"MCPKEEP_NAME":                 {"It's ours", "flag", "--name"},
		"MCPKEEP_READOPT":              {"known", "default", ""},
		"PORT":                         {"9000", "variable", "PORT"},
		"MCPKEEP_TLS_KEY":              {"/etc/key.pem", "variable", "MCPKEEP_TLS_KEY"}, // a path
	} {
		if s := byName[name]; s.Value != want[0] || s.Source != want[1] || s.From != want[2] {
			t.Errorf("%s: %+v, want %q", name, s, want)
		}
	}
	if s := byName["MCPKEEP_GITHUB_CLIENT_SECRET"]; s.File != "/run/secrets/github" {
		t.Errorf("the file is %q", s.File)
	}
	table, file := command(t, env, args...), command(t, env, append(args, "--env")...)
	if all := got.out + table.out + file.out; strings.Contains(all, "sesame") {
		t.Errorf("a secret is printed:\n%s", all)
	}
	table.wants(t, exitOK, "MCPKEEP_NAME", "It's ours", "flag --name", "alias OAUTH_STORAGE_ENCRYPTION_KEY")
	shell, err := exec.LookPath("sh")
	if err != nil {
		t.Skipf("no shell: %v", err)
	}
	path := filepath.Join(t.TempDir(), "mcpkeep.env")
	if err := os.WriteFile(path, []byte(file.out), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), shell, "-euc", `. "$0"; printf %s "$MCPKEEP_NAME/$PORT/$MCPKEEP_GITHUB_CLIENT_SECRET"`, path).CombinedOutput()
	if err != nil || string(out) != "It's ours/9000/file:/run/secrets/github" {
		t.Errorf("%v: %s", err, out)
	}
}

// TestMigrateCheck: the status says whether a migration is pending, for scripts.
func TestMigrateCheck(t *testing.T) {
	env := map[string]string{"DATABASE_URL": emptyDatabase(t)}
	command(t, env, "migrate", "status", "--check").wants(t, exitPending, "run `mcpkeep migrate up`")
	command(t, env, "migrate", "up").wants(t, exitOK)
	command(t, env, "migrate", "status", "--check").wants(t, exitOK)
	dbtest.Exec(t, dbtest.SQL(t, env["DATABASE_URL"]), "INSERT INTO mcpkeep_schema_version (version_id, is_applied) VALUES (999, true)")
	command(t, env, "migrate", "status", "--check").wants(t, exitOK, "is newer")
	env["DATABASE_URL"] = "sqlite:" + filepath.Join(t.TempDir(), "none.db")
	command(t, env, "migrate", "status", "--check").wants(t, exitFailed, "does not exist")
}
