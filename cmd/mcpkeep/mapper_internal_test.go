package main

import (
	"errors"
	"testing"

	"github.com/alecthomas/kong"
	"github.com/google/go-cmp/cmp"

	"github.com/mcpkeep/mcpkeep/internal/setting"
)

// parse parses arguments as main does.
func parse(t *testing.T, args ...string) (*kong.Application, error) {
	t.Helper()
	var c cli
	var bad badValue
	parser, err := kong.New(&c, bad.mappers())
	if err != nil {
		t.Fatal(err)
	}
	_, err = parser.Parse(args)
	return parser.Model, bad.instead(err)
}

// TestFlagsOfVariables: an error about a variable names the flag that there is.
func TestFlagsOfVariables(t *testing.T) {
	model, _ := parse(t)
	seen := 0
	_ = kong.Visit(model, func(node kong.Visitable, next kong.Next) error {
		if flag, ok := node.(*kong.Flag); ok && len(flag.Envs) > 0 && flag.Name != "port" {
			seen++
			if got := setting.Errorf(flag.Envs[0], "", "").Flag; got != "--"+flag.Name {
				t.Errorf("%s: %s, want --%s", flag.Envs[0], got, flag.Name)
			}
		}
		return next(nil)
	})
	if seen < 40 {
		t.Errorf("%d flags have a variable", seen)
	}
}

// TestErrorsOfFlags: what cannot be decoded is an error with fields, from the flag and
// from the variable.
func TestErrorsOfFlags(t *testing.T) {
	duration := &setting.Error{
		Variable: "MCPKEEP_EVENTS_TTL", Flag: "--events-ttl", Want: "a duration such as 1h, 90m or 30s",
		Problem: `expected duration but got "1d": time: unknown unit "d" in duration "1d"`,
	}
	for name, tt := range map[string]struct {
		env  map[string]string
		args []string
		want *setting.Error
	}{
		"duration":          {nil, []string{"serve", "--events-ttl", "1d"}, duration},
		"duration variable": {map[string]string{"MCPKEEP_EVENTS_TTL": "1d"}, []string{"serve"}, duration},
		"choice": {map[string]string{"MCPKEEP_LOG_FORMAT": "xml"}, []string{"serve"}, &setting.Error{
			Variable: "MCPKEEP_LOG_FORMAT", Flag: "--log-format", Want: "text or json", Problem: `"xml" is not known`,
		}},
		"no variable": {nil, []string{"events", "--limit", "many"}, &setting.Error{
			Flag: "--limit", Want: "a whole number", Problem: `expected a valid 64 bit int but got "many"`,
		}},
	} {
		t.Run(name, func(t *testing.T) {
			for variable, value := range tt.env {
				t.Setenv(variable, value)
			}
			_, err := parse(t, tt.args...)
			var got *setting.Error
			if !errors.As(err, &got) {
				t.Fatalf("%v", err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
