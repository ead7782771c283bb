package recorded_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/test/harness"

	"golang.org/x/oauth2"
)

func TestMain(m *testing.M) { harness.Main(m) }

// TestRecorded sends what each client sends: C-01, C-04, C-06, C-14, 6749-19.
func TestRecorded(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob(filepath.Join("testdata", "*.http"))
	if err != nil || len(files) == 0 {
		t.Fatal("no recordings", err)
	}
	for _, engine := range harness.Engines() {
		t.Run(engine.Name, func(t *testing.T) {
			t.Parallel()
			opts := engine.Options(t)
			opts.Env = append(opts.Env, "MCPKEEP_READOPT=known")
			server := harness.Start(t, opts)
			for _, file := range files {
				// One after the other: concurrent passwords are throttled.
				t.Run(strings.TrimSuffix(filepath.Base(file), ".http"), func(t *testing.T) {
					play(t, server.URL, file)
				})
			}
		})
	}
}

// play runs the steps of a file, each with what the ones before it kept.
func play(t *testing.T, base, file string) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	steps, err := parse(string(text))
	if err != nil {
		t.Fatal(err)
	}
	verifier := oauth2.GenerateVerifier()
	saved := map[string]string{"base": base, "verifier": verifier, "challenge": oauth2.S256ChallengeFromVerifier(verifier)}
	for _, s := range steps {
		a, err := perform(t, base, s, saved)
		if err != nil {
			t.Fatalf("%s: %v", s.title, err)
		}
		for _, line := range s.expect {
			if err := a.check(fill(line, saved), saved); err != nil {
				t.Errorf("%s: %s: %v\n%.1000s", s.title, line, err, a.body)
			}
		}
		if t.Failed() {
			return // the steps build on each other
		}
	}
}

var variable = regexp.MustCompile(`\{\{\w+\}\}`)

// fill puts in what was kept. An unknown name stays and makes the step fail.
func fill(text string, saved map[string]string) string {
	return variable.ReplaceAllStringFunc(text, func(name string) string {
		if value, ok := saved[strings.Trim(name, "{}")]; ok {
			return value
		}
		return name
	})
}

// perform sends a step's request.
func perform(t *testing.T, base string, s step, saved map[string]string) (answer, error) {
	t.Helper()
	target, body := base+fill(s.path, saved), fill(s.body, saved)
	if left := variable.FindString(target + body); left != "" {
		return answer{}, errors.New(left + " is not known")
	}
	if s.method == signIn {
		return visit(t, target)
	}
	req, err := http.NewRequestWithContext(t.Context(), s.method, target, strings.NewReader(body))
	if err != nil {
		return answer{}, err
	}
	for name, values := range s.header {
		for _, value := range values {
			req.Header.Add(name, fill(value, saved))
		}
	}
	if req.Header.Get("User-Agent") == "" {
		req.Header.Set("User-Agent", "") // none, and not Go's
	}
	client := &http.Client{Timeout: time.Minute, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := client.Do(req)
	if err != nil {
		return answer{}, err
	}
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(res.Body)
	return answer{status: res.StatusCode, header: res.Header, body: string(text)}, err
}

// visit lets a person sign in and approve.
func visit(t *testing.T, target string) (answer, error) {
	t.Helper()
	left, err := harness.NewBrowser(nil).Visit(t.Context(), target)
	if err != nil {
		return answer{}, err
	}
	members := map[string]string{}
	for name, values := range left.Query() {
		members[name] = strings.Join(values, " ")
	}
	left.RawQuery = ""
	members["redirect"] = left.String()
	body, err := json.Marshal(members)
	return answer{status: http.StatusFound, body: string(body)}, err
}

// TestRecordingsCanFail: an answer that is not the expected one is noticed.
func TestRecordingsCanFail(t *testing.T) {
	t.Parallel()
	a := answer{status: 200, header: http.Header{"X": {"a"}}, body: `{"a":{"b":[1,"x"]},"n":null}`}
	for line, right := range map[string]bool{
		"status 200": true, "status 201": false, "header X = a": true, "header X = b": false, "header X ~ ^a$": true, "header Y ~ .": false,
		`json a.b = [1, "x"]`: true, `json a.b.1 = "x"`: true, `json a.b.2 = 1`: false, "json n = null": true, "json z = null": false,
		"json z absent": true, "json a absent": false, "json a.b ~ x": true, "json a.b ~ y": false, "body ~ x": true, "body ~ y": false,
		"save it = a.b.1": true, "save it = z": false, "jsn a = 1": false, "json a = {": false,
	} {
		if err := a.check(line, map[string]string{}); (err == nil) != right {
			t.Errorf("%s: %v", line, err)
		}
	}
	for _, text := range []string{"### x\nGET /\n", "### x\nGET /\n---\n", "### x\nGET\n---\nstatus 1", "### x\nGET /\nX\n---\nstatus 1"} {
		if _, err := parse(text); err == nil {
			t.Errorf("%q is taken", text)
		}
	}
}
