package server_test

import (
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"
)

// answer is what a program gets.
type answer struct {
	Status int
	Header http.Header
	Body   string
}

// member returns a member of a JSON answer as text, "" when it is absent.
func (a answer) member(name string) string {
	var members map[string]any
	_ = json.Unmarshal([]byte(a.Body), &members)
	text, _ := members[name].(string)
	return text
}

var stylePattern = regexp.MustCompile(`(?s)<style>.*</style>`)

// brief is the body without what no failure is about.
func (a answer) brief() string { return strings.TrimSpace(stylePattern.ReplaceAllString(a.Body, "")) }

// want fails the test unless the answer has a status and an OAuth error code,
// "" for none.
func (a answer) want(t testing.TB, status int, code string) {
	t.Helper()
	if a.Status != status || a.member("error") != code {
		t.Errorf("got %d %s, want %d %q", a.Status, a.brief(), status, code)
	}
}

// target returns the redirect's parameters; the test fails when it is none to uri.
func (a answer) target(t testing.TB, uri string) url.Values {
	t.Helper()
	location := a.Header.Get("Location")
	u, err := url.Parse(location)
	if err != nil || a.Status != http.StatusFound && a.Status != http.StatusSeeOther || !strings.HasPrefix(location, uri) {
		t.Fatalf("got %d to %q, want a redirect to %s\n%s", a.Status, location, uri, a.brief())
	}
	return u.Query()
}

// header is what a request differs in from a plain one.
type header map[string]string

// do sends a request as a program does.
func (s *site) do(method, path, body string, headers ...header) answer {
	s.Helper()
	req, err := http.NewRequestWithContext(s.Context(), method, s.config.BaseURL+path, strings.NewReader(body))
	if err != nil {
		s.Fatal(err)
	}
	for _, h := range headers {
		for name, value := range h {
			if name == "Host" {
				req.Host = value
			}
			req.Header.Set(name, value)
		}
	}
	return s.send(req)
}

func (s *site) send(req *http.Request) answer {
	s.Helper()
	resp, err := s.RoundTrip(req)
	if err != nil {
		s.Fatal(err)
	}
	return read(s, resp)
}

func read(t testing.TB, resp *http.Response) answer {
	t.Helper()
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{resp.StatusCode, resp.Header, string(body)}
}

func (s *site) get(path string, headers ...header) answer {
	s.Helper()
	return s.do(http.MethodGet, path, "", headers...)
}

// readyAs asks whether the server is ready until it answers with a status: an outcome
// stands for a second.
func (s *site) readyAs(t *testing.T, status int) answer {
	t.Helper()
	a := s.get("/readyz")
	for range 30 {
		if a.Status == status {
			return a
		}
		time.Sleep(100 * time.Millisecond)
		a = s.get("/readyz")
	}
	t.Errorf("readyz: %d %s, want %d", a.Status, a.Body, status)
	return a
}

// form posts a form.
func (s *site) form(path string, values url.Values, headers ...header) answer {
	s.Helper()
	return s.do(http.MethodPost, path, values.Encode(),
		append([]header{{"Content-Type": "application/x-www-form-urlencoded"}}, headers...)...)
}

// changed returns values with some replaced; one without a value is left out.
func changed(values url.Values, changes ...url.Values) url.Values {
	values = maps.Clone(values)
	for _, change := range changes {
		for name, list := range change {
			values[name] = list
		}
	}
	return values
}
