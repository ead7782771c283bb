package setups_test

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mcpkeep/mcpkeep/test/harness"
)

// proxies are the programs in front. Each returns how to start it at an address with a
// certificate for localhost, passing requests on to another address.
var proxies = map[string]func(t *testing.T, at, upstream string, c certificate) []string{
	"caddy": caddy,
	"nginx": nginx,
}

// caddy runs deploy/caddy/Caddyfile. What the test adds keeps it off other ports and
// the machine's list of trusted authorities.
func caddy(t *testing.T, at, upstream string, c certificate) []string {
	t.Helper()
	return caddyWith(t, "Caddyfile", at, upstream, c)
}

// caddyWith runs a file of deploy/caddy.
func caddyWith(t *testing.T, file, at, upstream string, c certificate) []string {
	t.Helper()
	_, port, _ := net.SplitHostPort(at)
	t.Setenv("MCPKEEP_SITE", "https://localhost:"+port)
	t.Setenv("MCPKEEP_UPSTREAM", upstream)
	t.Setenv("HOME", c.folder)
	main := filepath.Join(c.folder, "Caddyfile")
	write(t, main, fmt.Sprintf("{\n\tadmin off\n\tskip_install_trust\n\tauto_https disable_redirects\n\tdefault_bind 127.0.0.1\n\tstorage file_system %s\n}\nimport %s\n",
		filepath.Join(c.folder, "caddy"), filepath.Join(harness.Root(t), "deploy", "caddy", file)))
	return []string{find(t, "caddy"), "run", "--config", main, "--adapter", "caddyfile"}
}

// nginx runs deploy/nginx/mcpkeep.conf with other names for what differs.
func nginx(t *testing.T, at, upstream string, c certificate) []string {
	t.Helper()
	return nginxWith(t, "mcpkeep.conf", at, upstream, c)
}

// nginxWith runs a file of deploy/nginx, with further changes.
func nginxWith(t *testing.T, file, at, upstream string, c certificate, changes ...[2]string) []string {
	t.Helper()
	shipped, err := os.ReadFile(filepath.Join(harness.Root(t), "deploy", "nginx", file))
	if err != nil {
		t.Fatal(err)
	}
	site := string(shipped)
	for _, change := range append(changes, [][2]string{
		{"/etc/letsencrypt/live/mcp.example.com/fullchain.pem", c.cert},
		{"/etc/letsencrypt/live/mcp.example.com/privkey.pem", c.key},
		{"mcp.example.com", "localhost"},
		{"http://127.0.0.1:8080", "http://" + upstream},
		{"listen 443 ", "listen " + at + " "},
		{"listen 80;", "listen " + harness.FreeAddress(t) + ";"},
	}...) {
		if !strings.Contains(site, change[0]) {
			t.Fatalf("deploy/nginx/%s lacks %q", file, change[0])
		}
		site = strings.ReplaceAll(site, change[0], change[1])
	}
	write(t, filepath.Join(c.folder, "site.conf"), site)
	main := filepath.Join(c.folder, "nginx.conf")
	var temporary strings.Builder
	for _, kind := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
		fmt.Fprintf(&temporary, "%s_temp_path %s;\n", kind, filepath.Join(c.folder, kind))
	}
	write(t, main, "daemon off;\npid "+filepath.Join(c.folder, "pid")+";\nerror_log stderr;\nevents {}\nhttp {\naccess_log off;\n"+
		temporary.String()+"include "+filepath.Join(c.folder, "site.conf")+";\n}\n")
	return []string{find(t, "nginx"), "-c", main, "-p", c.folder, "-e", "stderr"}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
