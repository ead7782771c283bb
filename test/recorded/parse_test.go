package recorded_test

import (
	"bufio"
	"errors"
	"fmt"
	"net/http"
	"strings"
)

// step is one request with what is expected of its answer.
type step struct {
	title        string
	method, path string
	header       http.Header
	body         string
	expect       []string
}

// signIn is the method of a step that a person does.
const signIn = "SIGN-IN"

// parse reads the steps of a file. Lines before the first one are for the reader.
func parse(text string) ([]step, error) {
	var steps []step
	_, text, _ = strings.Cut("\n"+text, "\n### ")
	for part := range strings.SplitSeq(text, "\n### ") {
		s, err := parseStep(part)
		if err != nil {
			return nil, fmt.Errorf("%q: %w", s.title, err)
		}
		steps = append(steps, s)
	}
	return steps, nil
}

func parseStep(text string) (step, error) {
	title, text, _ := strings.Cut(text, "\n")
	s := step{title: title, header: make(http.Header)}
	request, expect, ok := strings.Cut("\n"+text, "\n---\n")
	if !ok {
		return s, errors.New("no --- behind the request")
	}
	head, body, _ := strings.Cut(strings.TrimPrefix(request, "\n"), "\n\n")
	lines := bufio.NewScanner(strings.NewReader(head))
	lines.Scan()
	if s.method, s.path, ok = strings.Cut(lines.Text(), " "); !ok {
		return s, errors.New("the first line must be a method and a path")
	}
	for lines.Scan() {
		name, value, ok := strings.Cut(lines.Text(), ": ")
		if !ok {
			return s, fmt.Errorf("no header field: %q", lines.Text())
		}
		s.header.Add(name, value)
	}
	s.body = strings.TrimSpace(body)
	if strings.Contains(s.header.Get("Content-Type"), "form") {
		s.body = strings.ReplaceAll(s.body, "\n", "")
	}
	for line := range strings.SplitSeq(expect, "\n") {
		if line = strings.TrimSpace(line); line != "" {
			s.expect = append(s.expect, line)
		}
	}
	if len(s.expect) == 0 {
		return s, errors.New("nothing is expected of the answer")
	}
	return s, nil
}
