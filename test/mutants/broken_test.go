package mutants_test

import (
	"regexp"
	"testing"
)

// failedTest is what a test program prints of a test that said what is wrong.
var failedTest = regexp.MustCompile(`(?m)^ *--- FAIL: `)

// endings are those of a program that show nothing of the condition.
var endings = []struct {
	output *regexp.Regexp
	reason string
}{
	{regexp.MustCompile(`(?m)^panic: test timed out after `), "it did not end"},
	{regexp.MustCompile(`(?m)(go build [^\n]*: exit status|^# github\.com/mcpkeep/mcpkeep)`), "the program does not compile"},
	{regexp.MustCompile(`(?m)^fatal error: `), "the program crashed"},
	{regexp.MustCompile(`(?m)no space left on device|^signal: killed`), "the machine is out of something"},
}

// broken returns why the output of a test program that failed does not say that a test
// noticed, "" if it does.
func broken(output string) string {
	for _, e := range endings {
		if e.output.MatchString(output) {
			return e.reason
		}
	}
	if !failedTest.MatchString(output) {
		return "no test failed"
	}
	return ""
}

// TestBroken: a failing assertion is told from a test that could not run.
func TestBroken(t *testing.T) {
	t.Parallel()
	for output, want := range map[string]string{
		"--- FAIL: TestX (0.00s)\n    x_test.go:3: 200, want 401\nFAIL\n":                                                 "",
		"--- FAIL: TestX (0.00s)\n    --- FAIL: TestX/sub (0.00s)\nFAIL\n":                                                "",
		"--- FAIL: TestX (0.00s)\npanic: runtime error: index out of range [recovered]\n":                                 "",
		"panic: test timed out after 5m0s\n\trunning tests:\n\t\tTestX (5m0s)\n":                                          "it did not end",
		"--- FAIL: TestX (0.00s)\n    build.go:42: go build ./cmd/mcpkeep: exit status 1\n# github.com/mcpkeep/mcpkeep\n": "the program does not compile",
		"fatal error: all goroutines are asleep - deadlock!\n":                                                            "the program crashed",
		"--- FAIL: TestX (0.00s)\n    pg.go:9: initdb: no space left on device\n":                                         "the machine is out of something",
		"panic: runtime error: invalid memory address\n\ngoroutine 7 [running]:\n":                                        "no test failed",
		"": "no test failed",
	} {
		if got := broken(output); got != want {
			t.Errorf("%q: %q, want %q", output, got, want)
		}
	}
}
