package db

import (
	"errors"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"
)

// TestURLsOfOtherClients: each as its client's documentation writes it.
func TestURLsOfOtherClients(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]struct {
		host, user, password, database, pooler, params string
		tls                                            bool
	}{
		"postgres://u:p@h/d?sslmode=disable":                                                   {"h", "u", "p", "d", "", "", false},
		"postgresql+asyncpg://u:p@h:5433/d?ssl=require":                                        {"h", "u", "p", "d", "", "", true},
		"postgresql+asyncpg://u:p@h/d?ssl=disable&prepared_statement_cache_size=0":             {"h", "u", "p", "d", "transaction", "", false},
		"postgres+psycopg://u:p@h/d?sslmode=require&prepare_threshold=0":                       {"h", "u", "p", "d", "transaction", "", true},
		"postgresql+psycopg2://u:p@h/d?sslmode=disable&keepalives=1&keepalives_idle=30":        {"h", "u", "p", "d", "", "", false},
		"jdbc:postgresql://h:5432/d?user=u&password=p&ssl=true&currentSchema=s":                {"h", "u", "p", "d", "", "search_path=s", true},
		"jdbc:postgresql://h/d?user=u&password=p&sslmode=disable&prepareThreshold=0":           {"h", "u", "p", "d", "transaction", "", false},
		"postgresql://u:p@h:6543/d?pgbouncer=true&connection_limit=1&schema=s&sslmode=disable": {"h", "u", "p", "d", "transaction", "search_path=s", false},
		"PostgreSQL+AsyncPG://u:p@h/d?ssl=disable":                                             {"h", "u", "p", "d", "", "", false},
		"postgresql://u:p@h/d?sslmode=no-verify":                                               {"h", "u", "p", "d", "", "", true},
		"postgresql://u:p@h/d?sslmode=require&channel_binding=require":                         {"h", "u", "p", "d", "", "", true},
		"postgres://u:p%40%2F%23@h/d?sslmode=disable&pooler=transaction":                       {"h", "u", "p@/#", "d", "transaction", "", false},
		"postgres://u:p@ss@h/d?sslmode=disable&statement_timeout=5000":                         {"h", "u", "p@ss", "d", "", "statement_timeout=5000", false},
		"host=h user=u password='p \\'q' dbname=d sslmode=disable pooler=session":              {"h", "u", "p 'q", "d", "session", "", false},
		"host = h user=u password=p dbname=d sslmode=disable options='-c geqo=off'":            {"h", "u", "p", "d", "", "options=-c geqo=off", false},
	} {
		t.Run(text, func(t *testing.T) {
			t.Parallel()
			a, err := parseAddress(text)
			if err != nil || !isPostgres(text) {
				t.Fatal(err)
			}
			cfg, err := pgxpool.ParseConfig(a.dsn)
			if err != nil {
				t.Fatalf("%s: %v", a.dsn, err)
			}
			c := cfg.ConnConfig
			if c.Host != want.host || c.User != want.user || c.Password != want.password || c.Database != want.database ||
				a.pooler != want.pooler || (c.TLSConfig != nil) != want.tls {
				t.Errorf("%s %s %s %s, pooler %q, TLS %t", c.Host, c.User, c.Password, c.Database, a.pooler, c.TLSConfig != nil)
			}
			name, value, _ := strings.Cut(want.params, "=")
			for k, v := range c.RuntimeParams {
				if k != name || v != value {
					t.Errorf("the server gets %s=%s", k, v)
				}
			}
			if name != "" && c.RuntimeParams[name] != value {
				t.Errorf("the server does not get %s", want.params)
			}
		})
	}
}

// TestRefusedURLs: with a reason, and without any piece that may be one of the password.
func TestRefusedURLs(t *testing.T) {
	t.Parallel()
	const percent = "percent-encode"
	for text, want := range map[string]string{
		"postgres://u:pa/hunter@h/d":                         percent,
		"postgres://u:pa#hunter@h/d":                         percent,
		"postgres://u:12#hunter@h/d":                         percent,
		"postgres://u:12?hunter@h/d":                         percent,
		"postgres://u:12?hunter=1@h/d":                       percent,
		"postgres://u:hunter%zz@h/d":                         percent,
		"postgres://u:hunter[@h/d":                           percent,
		"postgres://u:hunter 2@h/d":                          percent,
		"postgres://u:hunter@h:port/d":                       "check host, port",
		"postgres://u:hunter@h:65536/d":                      "a number up to 65535",
		"postgres://u:hunter/d":                              "check host, port",
		"postgres://u:p@ss?hunter=1@h/d":                     percent,
		"postgres://u:p@ss?application_name=hunter@h/d":      percent,
		"postgres://u:12?application_name=hunter@h/d":        percent,
		"postgres://h/d?user=u&password=p&hunter=1":          "parameter 3 in the PostgreSQL URL is not known",
		"postgres://h/d?user=u&password=p&user=hunter":       "parameter 3 in the PostgreSQL URL repeats an earlier one",
		"postgres://u@h/d?connect_timeot=3":                  "parameter 1 in the PostgreSQL URL is not known: use connect_timeout",
		"postgres://u@h/d?sslmode=disable&Prepare=3":         "parameter 2 in the PostgreSQL URL is not known: remove it",
		"postgres://u@h/d?pooler=hunter":                     "parameter pooler in the PostgreSQL URL: want transaction, session or none",
		"postgres://u@h/d?ssl=hunter":                        "want disable, allow",
		"postgres://u@h/d?pgbouncer=hunter":                  "want true or false",
		"postgres://u@h/d?gssencmode=require":                "want disable or prefer",
		"jdbc:postgresql://h/d?targetServerType=secondary":   "want any or primary",
		"host=h password=pa hunter=1":                        "parameter 3 in the PostgreSQL URL is not known",
		"host=h password=pa host=hunter":                     "parameter 3 in the PostgreSQL URL repeats an earlier one",
		"host=h password=pa hunter":                          "malformed PostgreSQL DSN",
		"sqlite:postgres://u:hunter@h/d":                     "want sqlite:PATH",
		"sqlite://u:hunter@h/d":                              "want sqlite:PATH",
		"host=h password='hunter":                            "malformed PostgreSQL DSN",
		"host=h sslmode=disable password=hunter port=hunter": "check host, port",
	} {
		t.Run(text, func(t *testing.T) {
			t.Parallel()
			d, err := Open(t.Context(), text)
			if d != nil || !errors.Is(err, ErrBadURL) || !strings.Contains(err.Error(), want) {
				t.Fatalf("Open = %v, %v, want %s", d, err, want)
			}
			if strings.Contains(err.Error(), "hunter") {
				t.Errorf("the error shows a piece of the password: %v", err)
			}
		})
	}
}

func TestWithMaxConns(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"postgres://h/d":                  "postgres://h/d?pool_max_conns=7",
		"postgres://h/d?user=u":           "postgres://h/d?user=u&pool_max_conns=7",
		"postgres://h/d?pool_max_conns=3": "postgres://h/d?pool_max_conns=3&pool_max_conns=7",
		"host=h dbname=d":                 "host=h dbname=d pool_max_conns=7",
		"sqlite:x.db":                     "sqlite:x.db",
	} {
		if got := WithMaxConns(text, 7); got != want {
			t.Errorf("WithMaxConns(%q) = %q, want %q", text, got, want)
		}
		if got := WithMaxConns(text, 0); got != text {
			t.Errorf("size 0 makes %q of %q", got, text)
		}
		if !isPostgres(text) {
			continue
		}
		a, err := parseAddress(WithMaxConns(text, 7))
		if err != nil {
			t.Fatal(err)
		}
		if cfg, err := pgxpool.ParseConfig(a.dsn); err != nil || cfg.MaxConns != 7 {
			t.Errorf("%s: %v, %v", text, cfg, err)
		}
	}
}

func TestSQLiteURLs(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"sqlite:x.db": "x.db", "sqlite:/data/x.db": "/data/x.db", "sqlite:////data/x.db": "////data/x.db",
		"sqlite+aiosqlite:///x.db": "x.db", "sqlite+aiosqlite:////data/x.db": "/data/x.db", "sqlite+pysqlite:///x.db?timeout=5": "x.db",
	} {
		if got, ok := IsSQLite(text); got != want || !ok {
			t.Errorf("IsSQLite(%q) = %q, %t, want %q", text, got, ok, want)
		}
	}
	for _, text := range []string{"sqlite:///mcpkeep-nowhere.db", "sqlite:///no-such-folder/x.db", "sqlite://mcpkeep-nowhere.db", "sqlite://tmp/mcpkeep-nowhere.db"} {
		if _, err := Open(t.Context(), text); !errors.Is(err, ErrBadURL) || !strings.Contains(err.Error(), "sqlite:/") {
			t.Errorf("Open(%q): %v, want both spellings", text, err)
		}
	}
	for _, text := range []string{`"sqlite:x.db"`, "'postgres://u:sesame@h/d'", `"host=h dbname=d"`} {
		if _, err := Open(t.Context(), text); !errors.Is(err, ErrBadURL) || !strings.Contains(err.Error(), "quotes") || strings.Contains(err.Error(), "sesame") {
			t.Errorf("Open(%q): %v, want a word on the quotes", text, err)
		}
	}
	path := t.TempDir() + "/x.db"
	d, err := Open(t.Context(), "sqlite://"+path)
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Close(); err != nil {
		t.Error(err)
	}
}
