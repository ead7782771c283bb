package cloudrun_test

import (
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"go.yaml.in/yaml/v3"

	"github.com/mcpkeep/mcpkeep/internal/db/pgtest"
	"github.com/mcpkeep/mcpkeep/internal/fetch/fetchtest"
	"github.com/mcpkeep/mcpkeep/internal/gcp/gcptest"
	"github.com/mcpkeep/mcpkeep/test/harness"
)

const (
	serviceRole = "mcpkeep@" + gcptest.Project + ".iam"
	migrateRole = "mcpkeep-migrate@" + gcptest.Project + ".iam"
	derived     = "https://mcpkeep-" + gcptest.Number + "." + gcptest.Region + ".run.app"
)

// filled is a file with the names that setup.sh fills in.
func filled(t *testing.T, name string) string {
	t.Helper()
	return strings.NewReplacer(
		"${PROJECT}", gcptest.Project, "${REGION}", gcptest.Region, "${INSTANCE}", "main", "${IMAGE}", "mcpkeep:test",
		"${GITHUB_CLIENT_ID}", "Iv1.0123456789abcdef", "${ALLOWED_USERS}", "alice,bob@example.com",
	).Replace(text(t, name))
}

// container is what a file says of the program.
type container struct {
	args []string
	env  map[string]string
}

// containerOf finds the one container in a file.
func containerOf(t *testing.T, name string) container {
	t.Helper()
	var root yaml.Node
	must(t, yaml.Unmarshal([]byte(filled(t, name)), &root))
	var list struct {
		Containers []struct {
			Args []string
			Env  []struct{ Name, Value string }
		}
	}
	found := find(&root, "containers")
	if found == nil {
		t.Fatalf("%s has no container", name)
	}
	must(t, found.Decode(&list.Containers))
	if len(list.Containers) != 1 {
		t.Fatalf("%s has %d containers", name, len(list.Containers))
	}
	c := container{args: list.Containers[0].Args, env: map[string]string{}}
	for _, e := range list.Containers[0].Env {
		c.env[e.Name] = e.Value
	}
	return c
}

// find returns the value of the first member with a name.
func find(n *yaml.Node, name string) *yaml.Node {
	for i, child := range n.Content {
		if n.Kind == yaml.MappingNode && i%2 == 0 && child.Value == name {
			return n.Content[i+1]
		}
		if found := find(child, name); found != nil {
			return found
		}
	}
	return nil
}

// project is one in which setup.sh has run, but for the service and its jobs.
type project struct {
	*gcptest.Cloud
	*gcptest.Instance
	dsn *url.URL // of the database, as the superuser
}

func newProject(t *testing.T) project {
	t.Helper()
	cluster := pgtest.NewCluster(t)
	dsn, err := url.Parse(cluster.DSN())
	must(t, err)
	execute(t, dsn.String(), `CREATE ROLE "`+serviceRole+`" LOGIN`, `CREATE ROLE "`+migrateRole+`" LOGIN`, `CREATE DATABASE mcpkeep`)
	certificate, _, _ := fetchtest.Authority(t)
	p := project{Cloud: gcptest.New(t), dsn: dsn}
	p.Instance = gcptest.NewInstance(t, p.Cloud, filepath.Join(dsn.Query().Get("host"), ".s.PGSQL.5432"), certificate)
	p.AddUser(serviceRole)
	dsn.Path = "/mcpkeep"
	execute(t, dsn.String(), filled(t, "grants.sql"))
	p.AddVersion("projects/"+gcptest.Project+"/secrets/mcpkeep-keys", harness.NewKey(t)+"\n")
	p.AddVersion("projects/"+gcptest.Project+"/secrets/mcpkeep-github", "a client secret\n")
	return p
}

func execute(t *testing.T, dsn string, statements ...string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), dsn)
	must(t, err)
	defer func() { _ = conn.Close(t.Context()) }()
	for _, statement := range statements {
		_, err := conn.Exec(t.Context(), statement)
		must(t, err)
	}
}

// environ is the environment of a container, with the mounted socket where it is here.
func (p project) environ(t *testing.T, c container) []string {
	t.Helper()
	env := append(p.Environ(), "MCPKEEP_LOCAL_PASSWORD=")
	for name, value := range c.env {
		if name == "DATABASE_URL" {
			mounted := "/cloudsql/" + gcptest.Project + ":" + gcptest.Region + ":main"
			if !strings.Contains(value, mounted) {
				t.Errorf("DATABASE_URL is %s", value)
			}
			value = strings.Replace(value, mounted, p.Socket, 1)
		}
		env = append(env, name+"="+value)
	}
	return env
}

// TestFilesStartTheProgram: the job migrates as the owner of the schema, the service starts with
// the settings in its file and may not change the schema, and the other job cleans.
func TestFilesStartTheProgram(t *testing.T) {
	t.Parallel()
	p := newProject(t)
	migrate, service, clean := containerOf(t, "job.yaml"), containerOf(t, "service.yaml"), containerOf(t, "job-clean.yaml")

	owner := *p.dsn
	owner.User = url.User(migrateRole)
	env := append(p.environ(t, migrate), "DATABASE_URL="+owner.String(), "MCPKEEP_DATABASE_AUTH=password")
	ran := harness.Run(t.Context(), t, env, migrate.args...)
	if ran.Status != 0 || !strings.Contains(ran.Stdout, "granted "+serviceRole) {
		t.Fatalf("migrate: %+v", ran)
	}

	env = append(p.environ(t, service), "K_SERVICE=mcpkeep", "K_REVISION=mcpkeep-00001-abc", "K_CONFIGURATION=mcpkeep")
	at := slices.IndexFunc(env, func(v string) bool { return strings.HasPrefix(v, "DATABASE_URL=") })
	database := strings.TrimPrefix(env[at], "DATABASE_URL=")
	s := harness.Start(t, harness.Options{Database: database, Env: env})
	c := harness.NewClient(s.URL, nil)
	must(t, c.Register(t.Context()))
	conn, err := pgx.Connect(t.Context(), withUser(*p.dsn, serviceRole))
	must(t, err)
	defer func() { _ = conn.Close(t.Context()) }()
	if _, err := conn.Exec(t.Context(), "CREATE TABLE x (id INT)"); err == nil {
		t.Error("the service's account may create tables")
	}

	// The workflow has the job look at the new version, and a person has it look at everything.
	ran = harness.Run(t.Context(), t, p.environ(t, clean), "doctor", "--at", s.URL)
	if ran.Status != 0 {
		t.Errorf("doctor --at: %+v", ran)
	}
	ran = harness.Run(t.Context(), t, p.environ(t, clean), "doctor", "--service", "mcpkeep")
	for _, want := range []string{"the service's name gives " + derived, "5 instances with up to 4 connections", "mcpkeep-keys/versions/1 can be read"} {
		if !strings.Contains(ran.Stdout, want) {
			t.Errorf("doctor --service lacks %q: %+v", want, ran)
		}
	}
	if strings.Contains(ran.Stdout, "settings\n  failed") || strings.Contains(ran.Stdout, "database\n  failed") {
		t.Errorf("doctor --service: %+v", ran)
	}
	if ran = harness.Run(t.Context(), t, p.environ(t, clean), "keys", "rotate"); ran.Status != 0 {
		t.Errorf("keys rotate: %+v", ran)
	}
	if ran = s.Command(t.Context(), t, "migrate", "status", "--check"); ran.Status != 0 {
		t.Errorf("migrate status: %+v", ran)
	}
	if status := s.Term(); status != 0 {
		t.Errorf("the service ended with status %d", status)
	}
	execute(t, p.dsn.String(), "UPDATE mcpkeep_leases SET expires_at = 0") // it has just cleaned
	ran = harness.Run(t.Context(), t, p.environ(t, clean), clean.args...)
	if ran.Status != 0 || !strings.Contains(ran.Stdout, `"cleaned":true`) {
		t.Errorf("clean: %+v", ran)
	}
}

func withUser(dsn url.URL, user string) string {
	dsn.User = url.User(user)
	return dsn.String()
}
