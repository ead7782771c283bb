package recorded_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"
)

// answer is what came back.
type answer struct {
	status int
	header http.Header
	body   string
}

// member returns a member of the answer's JSON, by its path.
func (a answer) member(path string) (any, bool) {
	var value any
	if json.Unmarshal([]byte(a.body), &value) != nil {
		return nil, false
	}
	for name := range strings.SplitSeq(path, ".") {
		if list, ok := value.([]any); ok {
			i, err := strconv.Atoi(name)
			if err != nil || i >= len(list) {
				return nil, false
			}
			value = list[i]
			continue
		}
		object, _ := value.(map[string]any)
		var ok bool
		if value, ok = object[name]; !ok {
			return nil, false
		}
	}
	return value, true
}

// check holds an answer against one expectation. saved gets what is to be kept.
func (a answer) check(line string, saved map[string]string) error {
	what, rest, _ := strings.Cut(line, " ")
	switch what {
	case "status":
		if strconv.Itoa(a.status) != rest {
			return fmt.Errorf("status %d, want %s", a.status, rest)
		}
		return nil
	case "body":
		return compare("the body", a.body, strings.TrimPrefix(rest, "~ "), true)
	}
	name, rest, _ := strings.Cut(rest, " ")
	operator, want, _ := strings.Cut(rest, " ")
	switch what {
	case "header":
		return compare(name, strings.Join(a.header.Values(name), ", "), want, operator == "~")
	case "json":
		return a.checkMember(name, operator, want)
	case "save":
		value, _ := a.member(want)
		text, ok := value.(string)
		if saved[name] = text; !ok || text == "" {
			return fmt.Errorf("no member %s to keep", want)
		}
		return nil
	}
	return errors.New("not an expectation")
}

func (a answer) checkMember(name, operator, want string) error {
	value, ok := a.member(name)
	if operator == "absent" {
		if ok {
			return fmt.Errorf("%s is there: %v", name, value)
		}
		return nil
	}
	got, err := json.Marshal(value)
	if err != nil || !ok {
		return fmt.Errorf("no member %s", name)
	}
	if operator == "~" {
		return compare(name, string(got), want, true)
	}
	var wanted any
	if err := json.Unmarshal([]byte(want), &wanted); err != nil {
		return fmt.Errorf("%q is not JSON: %w", want, err)
	}
	canonical, err := json.Marshal(wanted)
	return errors.Join(err, compare(name, string(got), string(canonical), false))
}

// compare holds a text against another, or against a regular expression.
func compare(what, got, want string, pattern bool) error {
	ok := got == want
	if pattern {
		expression, err := regexp.Compile(want)
		if err != nil {
			return err
		}
		ok = expression.MatchString(got)
	}
	if !ok {
		return fmt.Errorf("%s is %q, want %q", what, got, want)
	}
	return nil
}
