//go:build image

package image_test

import (
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/mcpkeep/mcpkeep/internal/db/pgtest"
	"github.com/mcpkeep/mcpkeep/internal/fetch/fetchtest"
	"github.com/mcpkeep/mcpkeep/internal/gcp/gcptest"
	"github.com/mcpkeep/mcpkeep/test/harness"
)

const (
	port      = "8080"
	startWait = time.Minute
	pollEvery = 20 * time.Millisecond
	// insideRoot is the variable that tells the test it is in a network of its own, and where
	// the unpacked image is.
	insideRoot = "MCPKEEP_TEST_IMAGE_ROOT"
	connection = gcptest.Project + ":" + gcptest.Region + ":main"
)

// TestImageRuns: the image starts as Cloud Run starts it, and a client signs in, calls and
// refreshes. It runs as user 65532 on a read-only root without /tmp, in a network that has
// nothing but loopback, with a key file of root that everyone may read.
func TestImageRuns(t *testing.T) {
	root := os.Getenv(insideRoot)
	if root == "" {
		enter(t)
		return
	}
	j := newJail(t, root)
	j.start(t)
	front := &front{}
	c := harness.NewClient(front.origin(), front)
	must(t, c.SignIn(t.Context(), harness.NewBrowser(front)))
	call(t, c)
	j.stop(t)
	j.start(t)
	call(t, c)
	must(t, c.Refresh(t.Context()))
	call(t, c)
	j.stop(t)
}

func call(t *testing.T, c *harness.Client) {
	t.Helper()
	_, err := c.Call(t.Context(), "whoami")
	must(t, err)
}

// enter unpacks the image and runs this test again in a network of its own.
func enter(t *testing.T) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("only root can run a program as another user")
	}
	if _, err := exec.LookPath("bwrap"); err != nil {
		harness.Missing(t, "bwrap")
	}
	try := exec.CommandContext(t.Context(), "bwrap", "--dev-bind", "/", "/", "--unshare-net", "--unshare-pid", "--", "true")
	if out, err := try.CombinedOutput(); err != nil {
		t.Logf("bubblewrap cannot make namespaces here: %v: %s", err, out)
		harness.Missing(t, "bwrap with namespaces")
	}
	root, err := os.MkdirTemp("/tmp", "mcpkeep-root-") //nolint:usetesting // its parent is closed to other users
	must(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(root) })
	unpack(t, root)
	again := exec.CommandContext(t.Context(), "bwrap", "--dev-bind", "/", "/", "--unshare-net", "--die-with-parent", "--",
		os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
	again.Env = append(os.Environ(), insideRoot+"="+root)
	out, err := again.CombinedOutput()
	t.Logf("in the network of its own:\n%s", out)
	if err != nil || !strings.Contains(string(out), "--- PASS: "+t.Name()) {
		t.Error(err)
	}
}

// unpack writes the files of the image's layer with their owners, and the mount points that a
// container runtime makes.
func unpack(t *testing.T, root string) {
	t.Helper()
	_, files := layer(t, image(t), arch(t))
	must(t, os.Chmod(root, 0o755))
	for _, f := range files {
		path := filepath.Join(root, f.header.Name)
		if f.header.FileInfo().IsDir() {
			must(t, os.Mkdir(path, 0o700))
		} else {
			must(t, os.WriteFile(path, f.data, 0o600))
		}
		must(t, os.Chown(path, f.header.Uid, f.header.Gid))
		must(t, os.Chmod(path, f.header.FileInfo().Mode().Perm()))
	}
	for _, mount := range []string{"proc", "dev", "secrets", "cloudsql/" + connection} {
		must(t, os.MkdirAll(filepath.Join(root, mount), 0o755))
	}
}

// arch is that of the machine.
func arch(t *testing.T) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "env", "GOARCH").Output()
	must(t, err)
	return strings.TrimSpace(string(out))
}

// jail is a container of the image next to a project of Google's.
type jail struct {
	root string
	args []string // of bwrap
	cmd  *exec.Cmd
	done chan error
	log  *harness.Log
}

func newJail(t *testing.T, root string) *jail {
	t.Helper()
	cluster := pgtest.NewCluster(t)
	dsn, err := url.Parse(cluster.DSN())
	must(t, err)
	role := strings.TrimSuffix(gcptest.Account, ".gserviceaccount.com")
	conn, err := pgx.Connect(t.Context(), cluster.DSN())
	must(t, err)
	for _, statement := range []string{`CREATE ROLE "` + role + `" LOGIN`, `CREATE DATABASE mcpkeep OWNER "` + role + `"`} {
		_, err := conn.Exec(t.Context(), statement)
		must(t, err)
	}
	must(t, conn.Close(t.Context()))
	certificate, _, _ := fetchtest.Authority(t)
	cloud := gcptest.New(t)
	instance := gcptest.NewInstance(t, cloud, filepath.Join(dsn.Query().Get("host"), ".s.PGSQL.5432"), certificate)
	instance.AddUser(role)
	must(t, os.Chmod(instance.Socket, 0o755))
	must(t, os.Chmod(filepath.Join(instance.Socket, ".s.PGSQL.5432"), 0o777))
	keys := filepath.Join(filepath.Dir(root), filepath.Base(root)+"-keys")
	must(t, os.Mkdir(keys, 0o755))
	t.Cleanup(func() { _ = os.RemoveAll(keys) })
	key := filepath.Join(keys, "keys")
	must(t, os.WriteFile(key, newKey(t, root), 0o600))
	must(t, os.Chmod(key, 0o444))
	j := &jail{log: &harness.Log{}, root: root, args: []string{
		"--dev-bind", "/", "/", "--ro-bind", root, root, "--proc", root + "/proc", "--dev", root + "/dev",
		"--ro-bind", keys, root + "/secrets", "--bind", instance.Socket, root + "/cloudsql/" + connection,
		"--unshare-pid", "--unshare-ipc", "--unshare-uts", "--die-with-parent", "--chdir", "/", "--clearenv",
	}}
	for _, v := range append(cloud.Environ(),
		// https://cloud.google.com/run/docs/container-contract#services-env-vars
		"PORT="+port, "K_SERVICE=mcpkeep", "K_REVISION=mcpkeep-00001-abc", "K_CONFIGURATION=mcpkeep",
		"DATABASE_URL=host=/cloudsql/"+connection+" dbname=mcpkeep", "MCPKEEP_DATABASE_AUTH=google-iam",
		"MCPKEEP_ENCRYPTION_KEYS=file:/secrets/keys", "MCPKEEP_PROVIDER=local", "MCPKEEP_LOCAL_PASSWORD="+harness.Password,
	) {
		name, value, _ := strings.Cut(v, "=")
		j.args = append(j.args, "--setenv", name, value)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the container printed:\n%s", j.log.Tail(16<<10))
		}
	})
	return j
}

// newKey has the program of the image make a key.
func newKey(t *testing.T, root string) []byte {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), filepath.Join(root, "mcpkeep"), "keys", "generate").Output()
	must(t, err)
	return out
}

// start runs the entry point with the command, and waits until Cloud Run's probe passes. A
// user namespace has no root but the one that it maps, so that chroot changes the user: the key
// file has to belong to root.
func (j *jail) start(t *testing.T) {
	t.Helper()
	chroot, err := exec.LookPath("chroot")
	must(t, err)
	j.cmd = exec.Command("bwrap", append(j.args, "--", chroot, "--userspec=65532:65532", "--groups=65532", j.root, "/mcpkeep", "serve")...)
	j.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	j.cmd.Dir, j.cmd.Stdout, j.cmd.Stderr = "/", j.log, j.log
	must(t, j.cmd.Start())
	j.done = make(chan error, 1)
	go func() { j.done <- j.cmd.Wait() }()
	for deadline := time.Now().Add(startWait); ; {
		select {
		case err := <-j.done:
			t.Fatalf("it ended: %v\n%s", err, j.log)
		case <-time.After(pollEvery):
		}
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://127.0.0.1:"+port+"/ready", http.NoBody)
		must(t, err)
		if res, err := http.DefaultClient.Do(req); err == nil {
			_ = res.Body.Close()
			if res.StatusCode == http.StatusOK {
				return
			}
		}
		if time.Now().After(deadline) {
			t.Fatalf("not ready in %v\n%s", startWait, j.log)
		}
	}
}

// stop ends the container as Cloud Run does. The program is the last one in the chain that
// bubblewrap begins.
func (j *jail) stop(t *testing.T) {
	t.Helper()
	pid := j.cmd.Process.Pid
	for {
		children, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
		must(t, err)
		first, _, _ := strings.Cut(string(children), " ")
		child, err := strconv.Atoi(first)
		if err != nil {
			break
		}
		pid = child
	}
	must(t, syscall.Kill(pid, syscall.SIGTERM))
	select {
	case err := <-j.done:
		if err != nil {
			t.Errorf("it ended with %v", err)
		}
	case <-time.After(startWait):
		t.Error("it does not end")
	}
}

// front is Google's front end: it ends TLS for the address of the service.
type front struct{}

func (*front) origin() string {
	return "https://mcpkeep-" + gcptest.Number + "." + gcptest.Region + ".run.app"
}

func (*front) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Host, r.URL.Scheme, r.URL.Host = r.URL.Host, "http", "127.0.0.1:"+port
	r.Header.Set("X-Forwarded-Proto", "https")
	r.Header.Set("X-Forwarded-For", "198.51.100.7")
	return http.DefaultTransport.RoundTrip(r)
}
