package cloudrun_test

import (
	"bytes"
	"encoding/json"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
	"google.golang.org/api/run/v1"
)

// read reads a file into a type of the API, which must know every field.
func read(t *testing.T, text []byte, into any) error {
	t.Helper()
	var plain any
	if err := yaml.Unmarshal(text, &plain); err != nil {
		t.Fatal(err)
	}
	asJSON, err := json.Marshal(plain)
	if err != nil {
		t.Fatal(err)
	}
	strict := json.NewDecoder(bytes.NewReader(asJSON))
	strict.DisallowUnknownFields()
	if err := strict.Decode(into); err != nil {
		return err
	}
	again, err := json.Marshal(into)
	if err != nil {
		return err
	}
	var want, got any
	if err := json.Unmarshal(asJSON, &want); err != nil {
		return err
	}
	if err := json.Unmarshal(again, &got); err != nil {
		return err
	}
	if !reflect.DeepEqual(want, got) { // Go's decoder takes a name in any case
		t.Errorf("the API reads\n%s\nin place of\n%s", again, asJSON)
	}
	return nil
}

func file(t *testing.T, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "deploy", "cloudrun", name))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// TestService: Cloud Run knows every field of the service, and its values are in range.
func TestService(t *testing.T) {
	t.Parallel()
	var s run.Service
	if err := read(t, file(t, "service.yaml"), &s); err != nil {
		t.Fatal(err)
	}
	if s.ApiVersion != "serving.knative.dev/v1" || s.Kind != "Service" {
		t.Errorf("%s %s", s.ApiVersion, s.Kind)
	}
	spec := s.Spec.Template.Spec
	if len(spec.Containers) != 1 || spec.ContainerConcurrency < 1 || spec.TimeoutSeconds > 3600 {
		t.Errorf("%+v", spec)
	}
	c := spec.Containers[0]
	startup, live := c.StartupProbe, c.LivenessProbe
	if startup.HttpGet.Path != "/ready" || startup.PeriodSeconds*startup.FailureThreshold > 240 || live.HttpGet.Path != "/health" {
		t.Errorf("probes: %+v, %+v", startup, live)
	}
	for _, e := range c.Env {
		// Cloud Run sets them, and refuses a service that does.
		if e.Name == "PORT" || strings.HasPrefix(e.Name, "K_") {
			t.Errorf("%s is Cloud Run's", e.Name)
		}
		if strings.Contains(e.Name, "SECRET") && !strings.HasPrefix(e.Value, "gcpsecret:") {
			t.Errorf("%s is not in Secret Manager", e.Name)
		}
	}
	scale := s.Spec.Template.Metadata.Annotations["autoscaling.knative.dev/maxScale"]
	if scale == "" || scale != env(c, "MCPKEEP_MAX_INSTANCES") {
		t.Errorf("maxScale is %s, and doctor is told %s", scale, env(c, "MCPKEEP_MAX_INSTANCES"))
	}
}

func env(c *run.Container, name string) string {
	for _, e := range c.Env {
		if e.Name == name {
			return e.Value
		}
	}
	return ""
}

// TestJobs: Cloud Run knows every field of the jobs, and the one that cleans has the service's
// settings.
func TestJobs(t *testing.T) {
	t.Parallel()
	var s run.Service
	if err := read(t, file(t, "service.yaml"), &s); err != nil {
		t.Fatal(err)
	}
	service := s.Spec.Template.Spec
	for _, name := range []string{"job.yaml", "job-clean.yaml"} {
		var j run.Job
		if err := read(t, file(t, name), &j); err != nil {
			t.Fatal(name, err)
		}
		if j.ApiVersion != "run.googleapis.com/v1" || j.Kind != "Job" || j.Spec.Template.Spec.TaskCount != 1 {
			t.Errorf("%s: %s %s", name, j.ApiVersion, j.Kind)
		}
		spec := j.Spec.Template.Spec.Template.Spec
		for _, e := range spec.Containers[0].Env {
			if e.Value != env(service.Containers[0], e.Name) {
				t.Errorf("%s: %s differs from the service's", name, e.Name)
			}
		}
		if cleans := name == "job-clean.yaml"; cleans != (spec.ServiceAccountName == service.ServiceAccountName) {
			t.Errorf("%s runs as %s", name, spec.ServiceAccountName)
		}
	}
}

// TestUnknownFields: a field that Cloud Run does not have is refused.
func TestUnknownFields(t *testing.T) {
	t.Parallel()
	text := strings.Replace(string(file(t, "service.yaml")), "containerConcurrency:", "containerConcurency:", 1)
	if err := read(t, []byte(text), new(run.Service)); err == nil || !strings.Contains(err.Error(), "containerConcurency") {
		t.Errorf("a misspelt field: %v", err)
	}
}

// TestAuthProxy: Cloud Run knows every field of the containers in the documentation, and the
// program waits for the proxy that it connects to.
func TestAuthProxy(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "cloud-run.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, block, _ := strings.Cut(string(text), "```yaml\n")
	block, _, _ = strings.Cut(block, "```")
	var s run.Service
	if err := read(t, []byte(block), &s); err != nil {
		t.Fatal(err)
	}
	containers := s.Spec.Template.Spec.Containers
	if len(containers) != 2 {
		t.Fatalf("%d containers", len(containers))
	}
	program, proxy := containers[0], containers[1]
	waits := `{"` + program.Name + `":["` + proxy.Name + `"]}`
	if got := s.Spec.Template.Metadata.Annotations["run.googleapis.com/container-dependencies"]; got != waits {
		t.Errorf("the dependencies are %s", got)
	}
	if u, err := url.Parse(env(program, "DATABASE_URL")); err != nil || u.Host != "127.0.0.1:5432" || u.User.String() != "mcpkeep%40PROJECT.iam" {
		t.Errorf("the URL is %v, %v", u, err)
	}
}
