package db

import "testing"

// TestRedacted: what a URL says but for its secrets, and nothing of one that is refused.
func TestRedacted(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"sqlite:/data/x.db":                                "sqlite:/data/x.db",
		"postgres://u:hunter@h:5433/d":                     "postgres://u:xxxxx@h:5433/d",
		"postgres://u:hun@ter@h/d?sslmode=allow":           "postgres://u:xxxxx@h/d?sslmode=allow",
		"postgres://u@h/d":                                 "postgres://u@h/d",
		"postgres:///d?host=/tmp&user=a@b&password=hunter": "postgres:///d?host=%2Ftmp&user=a%40b&password=xxxxx",
		"postgresql+asyncpg://u:p@h/d?sslpassword=hunter":  "postgres://u:xxxxx@h/d?sslpassword=xxxxx",
		"host=h user=u password='hun ter'":                 "host='h' user='u' password='xxxxx'",
		"postgres://h/d?user=u&password=hun&t.er=x&port=1": "postgres://h/d?user=u&password=xxxxx&xxxxx=xxxxx&port=1",
		"host=h user=u password=hun t.er=x":                "host='h' user='u' password='xxxxx' xxxxx='xxxxx'",
		"host=h user=u password=hun ter":                   "",
		"postgres://u:12/hunter@h/d":                       "",
		"postgres://u:12?hunter@h/d":                       "",
		"sqlite:postgres://u:hunter@h/d":                   "",
		"mysql://u:hunter@h/d":                             "",
	} {
		if got, ok := Redacted(text); got != want || ok != (want != "") {
			t.Errorf("Redacted(%q) = %q, %t, want %q", text, got, ok, want)
		}
	}
}

func TestParameterIn(t *testing.T) {
	t.Parallel()
	for message, want := range map[string]string{
		`invalid value for parameter "TimeZone": "hunter"`: "the parameter TimeZone",
		`unrecognized configuration parameter "hunter.x"`:  "a parameter",
		"unsupported startup parameter: search_path":       "the parameter search_path",
		"unsupported startup parameter in options: hunter": "a parameter",
		"something else": "a parameter",
	} {
		if got := parameterIn(message); got != want {
			t.Errorf("%s: %s, want %s", message, got, want)
		}
	}
}
