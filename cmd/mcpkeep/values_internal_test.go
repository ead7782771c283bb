package main

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"

	"github.com/mcpkeep/mcpkeep/internal/db/dbtest"
	"github.com/mcpkeep/mcpkeep/internal/doctor"
	"github.com/mcpkeep/mcpkeep/internal/identity/oidctest"
	"github.com/mcpkeep/mcpkeep/internal/keyring"
)

// TestWhiteSpace: at the ends of a value, white space is no part of it, whatever the
// type of the setting, and nothing else is a value.
func TestWhiteSpace(t *testing.T) {
	values := map[reflect.Type]string{
		reflect.TypeFor[string](): "x", reflect.TypeFor[[]string](): "x", reflect.TypeFor[int](): "7", reflect.TypeFor[int64](): "7",
		reflect.TypeFor[time.Duration](): "7s", reflect.TypeFor[bool](): "true",
	}
	var model cli
	var bad badValue
	parser, err := kong.New(&model, bad.mappers())
	if err != nil {
		t.Fatal(err)
	}
	for _, flag := range settingFlags(parser.Model, "serve") {
		value, known := values[flag.Target.Type()]
		if !known {
			t.Errorf("--%s has the type %v, whose mapper does not trim", flag.Name, flag.Target.Type())
			continue
		}
		if flag.Enum != "" {
			value = flag.EnumSlice()[len(flag.EnumSlice())-1]
		}
		decoded := func(text string) any {
			scan := kong.ScanFromTokens(kong.Token{Type: kong.FlagValueToken, Value: text})
			target := reflect.New(flag.Target.Type()).Elem()
			if err := flag.Mapper.Decode(&kong.DecodeContext{Value: flag.Value, Scan: scan}, target); err != nil {
				t.Errorf("--%s: %q: %v", flag.Name, text, err)
			}
			return target.Interface()
		}
		plain := decoded(value)
		for _, text := range []string{value + "\n", " " + value, value + "\r\n", "\t" + value + " ", value + "\u00a0", "\ufeff" + value} {
			if got := decoded(text); !reflect.DeepEqual(got, plain) {
				t.Errorf("--%s: %q is %v, want %v", flag.Name, text, got, plain)
			}
		}
	}
	env := map[string]string{"DATABASE_URL": dbtest.SQLite().URL(t) + "\n", "MCPKEEP_AUTO_MIGRATE": " true\n", "MCPKEEP_LISTEN": "  "}
	command(t, env, "migrate", "up").wants(t, exitOK)
	command(t, env, "migrate", "status", "--database-url", " "+strings.TrimSpace(env["DATABASE_URL"])).wants(t, exitOK)
}

// secretFile makes a file as people make it: with a line break at the end.
func secretFile(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(path, []byte(content+"\n"), 0o400); err != nil {
		t.Fatal(err)
	}
	return "file:" + path
}

// TestSecretsInFiles: every setting that is a secret may be in a file, for the server
// and for commands.
func TestSecretsInFiles(t *testing.T) {
	op := oidctest.New(t, oidctest.Plain())
	env := map[string]string{
		"DATABASE_URL": secretFile(t, dbtest.SQLite().URL(t)), "MCPKEEP_ENCRYPTION_KEYS": secretFile(t, keyring.Generate()),
		"MCPKEEP_PROVIDER": "oidc", "MCPKEEP_OIDC_ISSUER": op.Issuer, "MCPKEEP_OIDC_CLIENT_ID": op.ClientID,
		"MCPKEEP_OIDC_CLIENT_SECRET": secretFile(t, op.ClientSecret), "MCPKEEP_ALLOWED_USERS": "alice",
	}
	command(t, env, "migrate", "up").wants(t, exitOK)
	command(t, env, "users", "list").wants(t, exitOK)
	findings, _ := examined(t, env)
	diagnosed(t, findings, "provider_usable", doctor.OK, "accepts the client ID and secret", "")
	diagnosed(t, findings, "database_reachable", doctor.OK, "", "")
	served(t, env)

	for _, name := range []string{"DATABASE_URL", "MCPKEEP_OIDC_CLIENT_SECRET", "MCPKEEP_ENCRYPTION_KEYS"} {
		own := env[name]
		path := filepath.Join(t.TempDir(), "none")
		env[name] = "file:" + path
		got := command(t, env, "serve", "--listen", "127.0.0.1:0")
		got.wants(t, exitFailed, name, path, "no such file")
		if findings, _ := examined(t, env); name != "MCPKEEP_ENCRYPTION_KEYS" {
			diagnosed(t, findings, "settings", doctor.Failed, path+": no such file", "Create the file "+path)
		}
		env[name] = own
	}
	local := map[string]string{"DATABASE_URL": env["DATABASE_URL"], "MCPKEEP_ENCRYPTION_KEYS": env["MCPKEEP_ENCRYPTION_KEYS"],
		"MCPKEEP_LOCAL_PASSWORD": secretFile(t, "short"), "MCPKEEP_LISTEN": "0.0.0.0:0", "MCPKEEP_BASE_URL": "https://mcp.example.com", "MCPKEEP_PROVIDER": "local"}
	command(t, local, "serve").wants(t, exitUsage, "MCPKEEP_LOCAL_PASSWORD: too short")
}

// TestListsThatMatchNobody: a start with such a list stops and says what to write.
func TestListsThatMatchNobody(t *testing.T) {
	env := map[string]string{"MCPKEEP_BASE_URL": "https://mcp.example.com", "MCPKEEP_PROVIDER": "github", "MCPKEEP_GITHUB_CLIENT_ID": "id", "MCPKEEP_GITHUB_CLIENT_SECRET": "sesame"}
	for _, tt := range []struct{ name, value, want string }{
		{"MCPKEEP_ALLOWED_USERS", `["alice","bob"]`, "MCPKEEP_ALLOWED_USERS (--allowed-users): \"[\\\"alice\\\"\" has quotes or brackets; write names separated by commas"},
		{"MCPKEEP_ALLOWED_USERS", "alice bob", "separate names by commas"},
		{"MCPKEEP_ALLOWED_ORGS", "https://github.com/my-org", "is a URL; write the organization's name alone"},
		{"MCPKEEP_ALLOWED_USERS", "*", "MCPKEEP_ALLOW_ANYONE=true"},
		{"GITHUB_ALLOWED_USERNAMES", "@alice", "write the login alone, alice"},
		{"MCPKEEP_ALLOWED_DOMAINS", "*.example.com", "is a pattern"},
		{"MCPKEEP_ADMINS", "*", "administrators are listed one by one"},
	} {
		with := map[string]string{"MCPKEEP_ALLOWED_USERS": "", "GITHUB_ALLOWED_USERNAMES": ""}
		with[tt.name] = tt.value
		if tt.name == "MCPKEEP_ADMINS" {
			with["MCPKEEP_ALLOWED_USERS"] = "alice"
		}
		for name, value := range env {
			with[name] = value
		}
		command(t, with, "serve").wants(t, exitUsage, tt.want)
	}
}

// TestKeysMisspelled: the error says how the key is written, and quotes none of it.
func TestKeysMisspelled(t *testing.T) {
	key := keyring.Generate()
	for spelled, want := range map[string]string{
		`"` + key + `"`: "in quotes", "b'" + key + "'": "Python's bytes", key[:43]: "without padding", "!" + key[1:]: "alphabet",
	} {
		got := command(t, map[string]string{"DATABASE_URL": emptyDatabase(t), "MCPKEEP_ENCRYPTION_KEYS": spelled}, "serve")
		got.wants(t, exitUsage, "MCPKEEP_ENCRYPTION_KEYS", want)
		if strings.Contains(got.err, key[2:10]) {
			t.Errorf("a part of the key is printed: %s", got.err)
		}
	}
}
