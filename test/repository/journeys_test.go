package repository_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/mcpkeep/mcpkeep/test/harness"
	"github.com/mcpkeep/mcpkeep/test/repository"
)

// TestJourneys: each step of a journey begins with a function, and each function that
// the journeys name exists.
func TestJourneys(t *testing.T) {
	t.Parallel()
	root := harness.Root(t)
	functions, err := repository.Functions(root)
	if err != nil {
		t.Fatal(err)
	}
	_, section, found := strings.Cut(text(t, root, "docs", "development.md"), "\n## Journeys\n")
	if !found {
		t.Fatal("docs/development.md has no journeys")
	}
	section, _, _ = strings.Cut(section, "\n## ")
	steps := regexp.MustCompile(`(?m)^\d+\. .*$`).FindAllString(section, -1)
	for _, step := range steps {
		if !regexp.MustCompile("^\\d+\\. `[a-z]+(\\.\\w+)+`: ").MatchString(step) {
			t.Errorf("no function: %s", step)
		}
	}
	named := regexp.MustCompile("`([a-z]+(\\.[A-Za-z]\\w*)+)`").FindAllStringSubmatch(section, -1)
	for _, n := range named {
		if !functions[n[1]] {
			t.Errorf("the journeys name %s, which does not exist", n[1])
		}
	}
	if journeys := strings.Count(section, "\n### "); journeys != 3 || len(steps) < 40 {
		t.Errorf("%d journeys with %d steps", journeys, len(steps))
	}
}
