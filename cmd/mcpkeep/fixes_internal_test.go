package main

import (
	"crypto/tls"
	"encoding/pem"
	"errors"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/db/dbtest"
	"github.com/mcpkeep/mcpkeep/internal/doctor"
	"github.com/mcpkeep/mcpkeep/internal/identity/oidctest"
	"github.com/mcpkeep/mcpkeep/internal/keyring"
	"github.com/mcpkeep/mcpkeep/internal/server/servertest"
)

// broken is a set-up with one fault, which one fix ends.
type broken struct {
	env   map[string]string
	check string
	want  string                 // in the fix
	fix   func(f doctor.Finding) // does what the fix says
	user  uint32                 // runs the doctor; 0 for the user of the test
}

// examined runs the doctor.
func (b broken) examined(t *testing.T) (findings map[string]doctor.Finding, status int) {
	t.Helper()
	if b.user == 0 && b.env["SSL_CERT_FILE"] == "" {
		return examined(t, b.env)
	}
	return reported(t, b.env, asUser(t, b.user, b.env, "doctor", "--json"))
}

var inBackticks = regexp.MustCompile("`([^`]+)`")

// runFix runs the command in the text of a fix.
func runFix(t *testing.T, f doctor.Finding) {
	t.Helper()
	found := inBackticks.FindStringSubmatch(f.Fix)
	if found == nil {
		found = []string{"", strings.TrimSuffix(f.Fix, ".")}
	}
	if out, err := exec.CommandContext(t.Context(), "sh", "-ec", found[1]).CombinedOutput(); err != nil {
		t.Fatalf("%q: %v: %s", found[1], err, out)
	}
}

// imageUser is the user of the image.
const imageUser = 65532

// TestFixes: each broken set-up is found with one fix, which the test carries out; then
// the doctor finds nothing wrong.
func TestFixes(t *testing.T) {
	healthy := func(t *testing.T) map[string]string {
		t.Helper()
		env, _ := deployment(t, dbtest.SQLite())
		return map[string]string{"DATABASE_URL": env["DATABASE_URL"], "MCPKEEP_ENCRYPTION_KEYS": env["MCPKEEP_ENCRYPTION_KEYS"], "MCPKEEP_LISTEN": "127.0.0.1:0"}
	}
	set := func(env map[string]string, name, value string) func(doctor.Finding) {
		return func(doctor.Finding) { env[name] = value }
	}
	// wall lets requests through once it is lifted.
	wall := func(t *testing.T, answer http.HandlerFunc) (env map[string]string, lift func(doctor.Finding)) {
		t.Helper()
		var lifted atomic.Bool
		env = proxied(t, nil, func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if lifted.Load() {
					next.ServeHTTP(w, r)
					return
				}
				answer(w, r)
			})
		})
		return env, func(doctor.Finding) { lifted.Store(true) }
	}
	page := func(status int, server, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			w.Header().Set("Server", server)
			w.WriteHeader(status)
			_, _ = io.WriteString(w, body)
		}
	}
	redirect := func(to string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, to, http.StatusFound) }
	}
	provider := func(t *testing.T) map[string]string {
		t.Helper()
		op, env := oidctest.New(t, oidctest.Plain()), healthy(t)
		maps.Copy(env, map[string]string{"MCPKEEP_PROVIDER": "oidc", "MCPKEEP_OIDC_ISSUER": op.Issuer, "MCPKEEP_OIDC_CLIENT_ID": op.ClientID,
			"MCPKEEP_OIDC_CLIENT_SECRET": op.ClientSecret, "MCPKEEP_ALLOWED_USERS": "alice"})
		return env
	}
	cases := databaseFaults()
	maps.Copy(cases, map[string]func(t *testing.T) broken{
		"wrong key": func(t *testing.T) broken {
			env := healthy(t)
			own := env["MCPKEEP_ENCRYPTION_KEYS"]
			env["MCPKEEP_ENCRYPTION_KEYS"] = keyring.Generate()
			return broken{env: env, check: "keys_on_record", want: "in place of what is configured", fix: set(env, "MCPKEEP_ENCRYPTION_KEYS", own)}
		},
		"key missing": func(t *testing.T) broken {
			env := healthy(t)
			own := env["MCPKEEP_ENCRYPTION_KEYS"]
			path := filepath.Join(t.TempDir(), "mcpkeep.key")
			env["MCPKEEP_ENCRYPTION_KEYS"] = "file:" + path
			return broken{env: env, check: "keys_configured", want: "Restore the file " + path, fix: func(doctor.Finding) {
				if err := os.WriteFile(path, []byte(own), 0o600); err != nil {
					t.Fatal(err)
				}
			}}
		},
		"key file that others write": func(t *testing.T) broken {
			env := healthy(t)
			path := filepath.Join(t.TempDir(), "mcpkeep.key")
			if err := errors.Join(os.WriteFile(path, []byte(env["MCPKEEP_ENCRYPTION_KEYS"]), 0o600), os.Chmod(path, 0o666)); err != nil {
				t.Fatal(err)
			}
			env["MCPKEEP_ENCRYPTION_KEYS"] = "file:" + path
			return broken{env: env, check: "keys_configured", want: "chmod ", fix: func(f doctor.Finding) { runFix(t, f) }}
		},
		"key of another user": func(t *testing.T) broken {
			if os.Geteuid() != 0 {
				t.Skip("only root can give a file away")
			}
			env := healthy(t)
			path := filepath.Join(t.TempDir(), "mcpkeep.key")
			if err := errors.Join(os.WriteFile(path, []byte(env["MCPKEEP_ENCRYPTION_KEYS"]), 0o600), os.Chown(path, 1000, 1000)); err != nil {
				t.Fatal(err)
			}
			env["MCPKEEP_ENCRYPTION_KEYS"] = "file:" + path
			return broken{env: env, check: "keys_configured", want: "chown 0 " + path, fix: func(f doctor.Finding) { runFix(t, f) }}
		},
		"key in quotes": func(t *testing.T) broken {
			env := healthy(t)
			own := env["MCPKEEP_ENCRYPTION_KEYS"]
			env["MCPKEEP_ENCRYPTION_KEYS"] = "'" + own + "'"
			return broken{env: env, check: "keys_configured", want: "comma-separated Fernet keys", fix: set(env, "MCPKEEP_ENCRYPTION_KEYS", own)}
		},
		"secret file missing": func(t *testing.T) broken {
			env := healthy(t)
			path := filepath.Join(t.TempDir(), "url")
			own := env["DATABASE_URL"]
			env["DATABASE_URL"] = "file:" + path
			return broken{env: env, check: "settings", want: "Create the file " + path, fix: func(doctor.Finding) {
				if err := os.WriteFile(path, []byte(own+"\n"), 0o600); err != nil {
					t.Fatal(err)
				}
			}}
		},
		"database file that others read": func(t *testing.T) broken {
			env := healthy(t)
			if err := os.Chmod(strings.TrimPrefix(env["DATABASE_URL"], "sqlite:"), 0o644); err != nil {
				t.Fatal(err)
			}
			return broken{env: env, check: "database_mode", want: "chmod 600", fix: func(f doctor.Finding) { runFix(t, f) }}
		},
		"old schema": func(t *testing.T) broken {
			env := healthy(t)
			command(t, env, "migrate", "down", "--yes").wants(t, exitOK)
			env["MCPKEEP_AUTO_MIGRATE"] = "false"
			return broken{env: env, check: "schema_version", want: "Run `mcpkeep migrate up`", fix: func(doctor.Finding) { command(t, env, "migrate", "up").wants(t, exitOK) }}
		},
		"wrong base URL": func(t *testing.T) broken {
			env := healthy(t)
			address := served(t, env)
			env["MCPKEEP_BASE_URL"] = strings.Replace(address, "127.0.0.1", "localhost", 1) + "/x"
			return broken{env: env, check: "settings", want: "such as https://mcp.example.com", fix: set(env, "MCPKEEP_BASE_URL", address)}
		},
		"another server at the base URL": func(t *testing.T) broken {
			other, env := healthy(t), healthy(t)
			env["MCPKEEP_BASE_URL"] = served(t, other)
			return broken{env: env, check: "server_database", want: "Set DATABASE_URL (--database-url) to that server's database", fix: func(doctor.Finding) {
				env["DATABASE_URL"], env["MCPKEEP_ENCRYPTION_KEYS"] = other["DATABASE_URL"], other["MCPKEEP_ENCRYPTION_KEYS"]
			}}
		},
		"wrong client secret": func(t *testing.T) broken {
			env := provider(t)
			own := env["MCPKEEP_OIDC_CLIENT_SECRET"]
			env["MCPKEEP_OIDC_CLIENT_SECRET"] = "sesame-sesame"
			return broken{env: env, check: "provider_usable", want: "_CLIENT_SECRET", fix: set(env, "MCPKEEP_OIDC_CLIENT_SECRET", own)}
		},
		"no one may sign in": func(t *testing.T) broken {
			env := provider(t)
			env["MCPKEEP_ALLOWED_USERS"] = ""
			return broken{env: env, check: "settings", want: "MCPKEEP_ALLOWED_GROUPS", fix: set(env, "MCPKEEP_ALLOWED_USERS", "alice@example.com")}
		},
		"a list in JSON": func(t *testing.T) broken {
			env := provider(t)
			env["MCPKEEP_ALLOWED_USERS"] = `["alice","bob"]`
			return broken{env: env, check: "settings", want: "separated by commas", fix: set(env, "MCPKEEP_ALLOWED_USERS", "alice,bob")}
		},
		"a disk that goes away": func(t *testing.T) broken {
			if _, err := os.Stat("/dev/shm"); err != nil {
				t.Skipf("no tmpfs: %v", err)
			}
			env := healthy(t)
			own := env["DATABASE_URL"]
			folder, err := os.MkdirTemp("/dev/shm", "mcpkeep") //nolint:usetesting // a real tmpfs
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = os.RemoveAll(folder) })
			env["DATABASE_URL"], env["MCPKEEP_ALLOW_EPHEMERAL"] = "sqlite:"+filepath.Join(folder, "x.db"), ""
			command(t, env, "migrate", "up").wants(t, exitOK)
			return broken{env: env, check: "database_file_system", want: "Put it on a persistent volume", fix: set(env, "DATABASE_URL", own)}
		},
		"Host not preserved": func(t *testing.T) broken {
			var fixed atomic.Bool
			env := proxied(t, func(p *httputil.ReverseProxy) {
				rewrite := p.Rewrite
				p.Rewrite = func(r *httputil.ProxyRequest) {
					if rewrite(r); !fixed.Load() {
						r.Out.Host = "upstream.internal"
					}
				}
			}, nil)
			return broken{env: env, check: "base_url_reachable", want: "proxy_set_header Host $host", fix: func(doctor.Finding) { fixed.Store(true) }}
		},
		"Cloud Run that is not public": func(t *testing.T) broken {
			env, lift := wall(t, page(http.StatusForbidden, "Google Frontend",
				"<html><head><title>403 Forbidden</title></head><body><h1>Error: Forbidden</h1><h2>Your client does not have permission to get URL <code>/mcp</code> from this server.</h2></body></html>"))
			return broken{env: env, check: "base_url_reachable", want: "--member=allUsers --role=roles/run.invoker", fix: lift}
		},
		"Cloud Run with internal ingress": func(t *testing.T) broken {
			env, lift := wall(t, page(http.StatusNotFound, "Google Frontend", "<title>Error 404 (Page not found)!!1</title>That’s all we know."))
			return broken{env: env, check: "base_url_reachable", want: "--ingress=all", fix: lift}
		},
		"Identity-Aware Proxy": func(t *testing.T) broken {
			env, lift := wall(t, redirect("https://accounts.google.com/o/oauth2/v2/auth?client_id=x"))
			return broken{env: env, check: "base_url_reachable", want: "Turn off IAP", fix: lift}
		},
		"Cloudflare Access": func(t *testing.T) broken {
			env, lift := wall(t, redirect("https://acme.cloudflareaccess.com/cdn-cgi/access/login/mcp.example.com"))
			return broken{env: env, check: "base_url_reachable", want: "Bypass", fix: lift}
		},
		"another sign-in page": func(t *testing.T) broken {
			env, lift := wall(t, redirect("https://auth.example.com/oauth2/start?rd=x"))
			return broken{env: env, check: "base_url_reachable", want: "Exempt this host name", fix: lift}
		},
		"plain http in front": func(t *testing.T) broken {
			env, _ := deployment(t, dbtest.SQLite())
			front := httptest.NewUnstartedServer(nil)
			address := front.Listener.Addr().String()
			front.TLS = &tls.Config{NextProtos: []string{"http/1.1"}}
			base := "https://" + address
			target, err := url.Parse(served(t, env, "--base-url", base))
			if err != nil {
				t.Fatal(err)
			}
			front.Config.Handler = servertest.BodyFirst(&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
				r.SetURL(target)
				r.Out.Host = r.In.Host
			}})
			plain := &http.Server{Handler: front.Config.Handler, ReadHeaderTimeout: time.Minute}
			go func() { _ = plain.Serve(front.Listener) }()
			roots := filepath.Join(t.TempDir(), "roots.pem")
			env["MCPKEEP_BASE_URL"], env["SSL_CERT_FILE"] = base, roots
			return broken{env: env, check: "base_url_reachable", want: "Put TLS in front of the server", fix: func(doctor.Finding) {
				_ = plain.Close()
				if front.Listener, err = (&net.ListenConfig{}).Listen(t.Context(), "tcp", address); err != nil {
					t.Fatal(err)
				}
				front.StartTLS()
				t.Cleanup(front.Close)
				if err := os.WriteFile(roots, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: front.Certificate().Raw}), 0o600); err != nil {
					t.Fatal(err)
				}
			}}
		},
		"load balancer without a rule": func(t *testing.T) broken {
			env, lift := wall(t, page(http.StatusNotFound, "awselb/2.0", "<h1>404 Not Found</h1>"))
			return broken{env: env, check: "base_url_reachable", want: "listener rule", fix: lift}
		},
	})
	for name, breaks := range cases {
		t.Run(name, func(t *testing.T) {
			b := breaks(t)
			findings, _ := b.examined(t)
			f := findings[b.check]
			if f.Status != doctor.Failed && f.Status != doctor.Warning || !strings.Contains(f.Fix, b.want) {
				t.Fatalf("%s: %+v, want the fix %q", b.check, f, b.want)
			}
			b.fix(f)
			findings, status := b.examined(t)
			if f := findings[b.check]; f.Status != doctor.OK && f.Status != "" && f.Status != doctor.Skipped || status != exitOK {
				t.Errorf("after the fix: status %d, %+v", status, f)
			}
		})
	}
}
