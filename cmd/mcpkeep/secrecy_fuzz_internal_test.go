package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

// secretPlaces are settings that hold a secret, each with the ways in which one gets into
// it: § stands for the secret.
var secretPlaces = []struct{ variable, value string }{
	{"DATABASE_URL", "postgres://app:§@127.0.0.1:1/app?sslmode=disable"},
	{"DATABASE_URL", "postgres://app:§@127.0.0.1:1/app"},
	{"DATABASE_URL", "postgresql+asyncpg://app:§@127.0.0.1:1,127.0.0.1:2/app?ssl=disable"},
	{"DATABASE_URL", "postgres://app:§@127.0.0.1:port/app"},
	{"DATABASE_URL", "postgres://app:§@127.0.0.1:1/app?connect_timeot=1"},
	{"DATABASE_URL", "postgres://app:§"},
	{"DATABASE_URL", "postgres:/app:§@127.0.0.1:1/app"},
	{"DATABASE_URL", "Postgres://app:§@127.0.0.1:1/app"},
	{"DATABASE_URL", "sqlite:postgres://app:§@127.0.0.1:1/app"},
	{"DATABASE_URL", "sqlite://app:§@127.0.0.1:1/app"},
	{"DATABASE_URL", "file:postgres://app:§@127.0.0.1:1/app"},
	{"DATABASE_URL", "postgres://127.0.0.1:1/app?user=app&password=§"},
	{"DATABASE_URL", "jdbc:postgresql://127.0.0.1:1/app?password=§&user=app&sslmode=disable"},
	{"DATABASE_URL", "host=127.0.0.1 port=1 user=app password=§ sslmode=disable"},
	{"DATABASE_URL", "host=127.0.0.1 port=1 user=app password='§' sslmode=disable"},
	{"MCPKEEP_MIGRATE_DATABASE_URL", "postgres://app:§@127.0.0.1:1/app?sslmode=disable"},
	{"MCPKEEP_ENCRYPTION_KEYS", "§"},
	{"MCPKEEP_ENCRYPTION_KEYS", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=,§"},
	{"OAUTH_STORAGE_ENCRYPTION_KEY", "b'§'"},
	{"MCPKEEP_LOCAL_PASSWORD", "§"},
	{"MCPKEEP_GITHUB_CLIENT_SECRET", "§"},
	{"MCPKEEP_GOOGLE_CLIENT_SECRET", "§"},
	{"MCPKEEP_OIDC_CLIENT_SECRET", "§"},
	{"FASTMCP_SERVER_AUTH_GITHUB_CLIENT_SECRET", "§"},
	{"MCPKEEP_FASTMCP_JWT_KEY", "§"},
	{"MCPKEEP_FASTMCP_JWT_KEY", "raw:§"},
	{"MCPKEEP_FASTMCP_JWT_KEY", "passphrase:§"},
	{"JWT_SIGNING_KEY", "§"},
	{"MCPKEEP_TLS_KEY", "-----BEGIN PRIVATE KEY-----\n§\n-----END PRIVATE KEY-----"},
	{"MCPKEEP_BASE_URL", "https://app:§@mcp.example.com"},
	{"MCPKEEP_OIDC_ISSUER", "https://app:§@127.0.0.1:1"},
	{"MCPKEEP_GITHUB_URL", "https://app:§@127.0.0.1:1"},
	{"HTTP_PROXY", "http://app:§@127.0.0.1:1"},
	{sourceFlag, "redis://default:§@127.0.0.1:1"},
	{sourceFlag, "redis://:§@127.0.0.1:1/0"},
	{sourceFlag, "rediss://default:§@127.0.0.1:1/0"},
	{sourceFlag, "Redis://default:§@127.0.0.1:1/0"},
	{sourceFlag, "redis:/default:§@127.0.0.1:1/0"},
	{sourceFlag, "redis://default:§@127.0.0.1:1/zero"},
	{sourceFlag, "redis://127.0.0.1:1/0?password=§"},
}

// sourceFlag is a place that is a flag of adopt alone, and no variable.
const sourceFlag = "--from"

// secretCommands run up to a database or a provider that cannot be reached.
var secretCommands = [][]string{
	{"serve", "--listen=127.0.0.1:0"}, {"doctor"}, {"doctor", "--json"}, {"settings"}, {"settings", "--json"}, {"settings", "--env"},
	{"clients", "list"}, {"keys", "list"}, {"migrate", "status"}, {"migrate", "up"},
}

// showing is the place of settings, which shows what it can of a setting.
const showing = 3

// FuzzSecretsStayHidden: whatever is wrong with a setting that holds a secret, no command
// prints four bytes of it.
func FuzzSecretsStayHidden(f *testing.F) {
	for place, at := range secretPlaces {
		secrets := []string{"ab'cd", "ab cd", "ab\ncd"}
		if strings.Contains(at.value, "§@") {
			secrets = []string{"ab@cd", "ab/cd", "ab#cd", "ab?cd", "ab%zz", "ab:cd", "ab[cd", "12/ab", "12?ab", "12#ab", "a@b?c=d", "a@b/c@d"}
		} else if strings.Contains(at.value, "password=") {
			secrets = []string{"ab&cd=ef", "ab&cd.ef=gh", "ab cd=ef", "ab cd.ef=gh", "ab cd", "ab'cd"}
		}
		for i, secret := range secrets {
			f.Add(uint8(place), uint8((place+i)%len(secretCommands)), secret, (place+i)%2 == 0)
			if strings.Contains(at.value, "password=") {
				f.Add(uint8(place), uint8(showing), secret, false)
			}
		}
	}
	usual := commandOpenFor
	commandOpenFor = time.Millisecond
	f.Cleanup(func() { commandOpenFor = usual })
	dir := f.TempDir()
	database := filepath.Join(dir, "keep.db") // where mcpkeep never started
	if err := os.WriteFile(database, nil, 0o600); err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, place, what uint8, text string, inFile bool) {
		secret, pieces := marked(text)
		if strings.ContainsRune(secret, 0) {
			t.Skip("no variable can hold it")
		}
		at := secretPlaces[int(place)%len(secretPlaces)]
		value := strings.ReplaceAll(at.value, "§", secret)
		if inFile && at.variable != "HTTP_PROXY" {
			path := filepath.Join(dir, "secret")
			if err := os.WriteFile(path, []byte(value), 0o600); err != nil {
				t.Fatal(err)
			}
			value = "file:" + path
		}
		args, variable := secretCommands[int(what)%len(secretCommands)], at.variable
		if at.variable == sourceFlag {
			args = []string{"adopt", "--check", "--from=" + value}
			variable, value = "DATABASE_URL", "sqlite:"+database
		}
		printed := printedWith(t, dir, variable, value, args)
		for _, piece := range pieces {
			if strings.Contains(strings.ToLower(printed), piece) {
				t.Errorf("%s with %s=%q prints %q:\n%s", args, at.variable, value, piece, printed)
			}
		}
	})
}

var wordOrNumber = regexp.MustCompile(`[A-Za-z]+|[0-9]{4,}`)

// marked returns the text with each word replaced by one that no message has, and each
// number too long for a piece of another, and the pieces of four bytes that may not be
// printed.
func marked(text string) (secret string, pieces []string) {
	const letters, digits = "zqxwvkjzxqvjwkqz", "9750284613"
	word := 0
	secret = wordOrNumber.ReplaceAllStringFunc(text, func(found string) string {
		from := letters
		if found[0] <= '9' {
			from = digits
		}
		word++
		mark := (from + from)[word%len(from):][:6]
		for i := range len(mark) - 3 {
			pieces = append(pieces, mark[i:i+4])
		}
		return mark
	})
	return secret, pieces
}

// printedWith is all that a command prints, without times, which are numbers too.
func printedWith(t *testing.T, dir, variable, value string, args []string) string {
	t.Helper()
	env := map[string]string{
		"DATABASE_URL": "postgres://app@127.0.0.1:1/app?sslmode=disable", "MCPKEEP_ENCRYPTION_KEYS": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
		"OAUTH_STORAGE_ENCRYPTION_KEY": "", "JWT_SIGNING_KEY": "", "MCPKEEP_PROVIDER": "local", "HTTP_PROXY": "http://127.0.0.1:1",
	}
	switch {
	case strings.Contains(variable, "GITHUB"):
		env["MCPKEEP_PROVIDER"], env["MCPKEEP_GITHUB_CLIENT_ID"], env["MCPKEEP_GITHUB_URL"] = "github", "id", "http://127.0.0.1:1"
	case strings.Contains(variable, "GOOGLE"):
		env["MCPKEEP_PROVIDER"], env["MCPKEEP_GOOGLE_CLIENT_ID"] = "google", "id"
	case strings.Contains(variable, "OIDC"):
		env["MCPKEEP_PROVIDER"], env["MCPKEEP_OIDC_CLIENT_ID"], env["MCPKEEP_OIDC_ISSUER"] = "oidc", "id", "http://127.0.0.1:1"
	case variable == "OAUTH_STORAGE_ENCRYPTION_KEY":
		env["MCPKEEP_ENCRYPTION_KEYS"] = ""
	case variable == "MCPKEEP_TLS_KEY":
		env["MCPKEEP_TLS_CERT"], env["MCPKEEP_BASE_URL"] = filepath.Join(dir, "none.pem"), "https://mcp.example.com"
	}
	env[variable] = value
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	out := &untilWaiting{cancel: cancel}
	commandIn(ctx, t, env, streams{in: strings.NewReader(""), out: out, err: out}, args...)
	return times.ReplaceAllString(out.String(), "")
}

var times = regexp.MustCompile(`[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+|[0-9.]+[mµn]?s\b`)

// untilWaiting keeps what is printed, and ends a command that waits for its database.
type untilWaiting struct {
	mu     sync.Mutex
	kept   bytes.Buffer
	cancel context.CancelFunc
}

func (u *untilWaiting) Write(b []byte) (int, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if bytes.Contains(b, []byte("waiting for the database")) {
		u.cancel()
	}
	return u.kept.Write(b)
}

func (u *untilWaiting) String() string {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.kept.String()
}
