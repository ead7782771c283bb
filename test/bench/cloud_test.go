//go:build bench

package bench_test

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/db/pgtest"
	"github.com/mcpkeep/mcpkeep/internal/fetch/fetchtest"
	"github.com/mcpkeep/mcpkeep/internal/gcp/gcptest"
	"github.com/mcpkeep/mcpkeep/internal/keyring"
)

const cloudStartAim = 400 * time.Millisecond

// TestCloudStart measures a Cloud Run service from exec to the ready line: with its secrets in
// Secret Manager, and over each door of an instance that it logs in to with an access token.
// The servers of Google are stand-ins in this process.
func TestCloudStart(t *testing.T) {
	cloud := gcptest.New(t)
	certificate, _, authority := fetchtest.Authority(t)
	instance := gcptest.Serve(t, cloud, pgtest.NewCluster(t).DSN(), certificate)
	binary := program(t)
	env := append(os.Environ(), cloud.Environ()...)
	env = append(env, "K_SERVICE=mcp", "MCPKEEP_DATABASE_AUTH=google-iam", "MCPKEEP_LOG_FORMAT=json",
		"MCPKEEP_ENCRYPTION_KEYS=gcpsecret:"+cloud.AddVersion("projects/"+gcptest.Project+"/secrets/keys", keyring.Generate()),
		"MCPKEEP_LOCAL_PASSWORD=gcpsecret:"+cloud.AddVersion("projects/"+gcptest.Project+"/secrets/password", "bench password"))
	for _, door := range []struct{ name, url string }{
		{"socket", "host=" + instance.Socket + " dbname=" + gcptest.Database},
		{"TLS", "postgres://" + instance.Addr + "/" + gcptest.Database + "?sslmode=verify-ca&sslrootcert=" + authority},
	} {
		first, _ := cloudStart(t, binary, door.url, env)
		var took, used []float64
		for range starts {
			wait, processor := cloudStart(t, binary, door.url, env)
			took, used = append(took, float64(wait)), append(used, float64(processor))
		}
		met := "met"
		if quartile(took) >= float64(cloudStartAim) {
			met = "**missed**"
		}
		_, _ = fmt.Fprintln(os.Stdout, cells("Cloud Run: start to ready, secrets and IAM, "+door.name, millis(quartile(took)),
			"worst "+millis(slices.Max(took)), "first "+millis(float64(first)), "processor time "+millis(quartile(used)), "< "+millis(float64(cloudStartAim)), met))
	}
}

// cloudStart starts the program, waits for the ready line and ends it. The processor time is that
// of start and end, and says more on a busy machine.
func cloudStart(t *testing.T, binary, database string, env []string) (took, processor time.Duration) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), binary, "serve", "--listen", "127.0.0.1:0", "--database-url", database)
	cmd.Env = env
	out := get(cmd.StdoutPipe())(t)
	start := time.Now()
	must(t, cmd.Start())
	line, err := bufio.NewReader(out).ReadString('\n')
	took = time.Since(start)
	if err != nil || !strings.HasPrefix(line, "listening on ") {
		t.Fatalf("not ready: %q %v", line, err)
	}
	must(t, cmd.Process.Signal(syscall.SIGTERM))
	must(t, cmd.Wait())
	return took, cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
}
