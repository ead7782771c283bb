package dbtest

import (
	"context"
	"net/url"
	"strings"
	"testing"
)

// NewRole makes a role that may log in and nothing else, whose name SQL wants quoted.
// It goes away with the test. databaseURL is an
// administrator's, as is each that Engine makes; the answer is the same database for
// the role, and the role's name as SQL wants it.
func NewRole(t testing.TB, databaseURL string) (roleURL, quoted string) {
	t.Helper()
	conn := SQL(t, databaseURL)
	name := "Role of " + Value[string](t, conn, "SELECT substr(md5(random()::text), 1, 12)")
	quoted = `"` + name + `"`
	Exec(t, conn, "CREATE ROLE "+quoted+" LOGIN")
	t.Cleanup(func() {
		_, err := conn.ExecContext(context.WithoutCancel(t.Context()), "REASSIGN OWNED BY "+quoted+" TO CURRENT_USER; DROP OWNED BY "+quoted+"; DROP ROLE "+quoted)
		if err != nil {
			t.Errorf("drop the role of this test: %v", err)
		}
	})
	return WithUser(t, databaseURL, name), quoted
}

// WithUser is a PostgreSQL URL for another user.
func WithUser(t testing.TB, databaseURL, user string) string {
	t.Helper()
	return changed(t, databaseURL, func(u *url.URL, q url.Values) {
		u.User = url.User(user)
		if q.Has("user") {
			q.Set("user", user)
		}
	})
}

// WithQuery is a PostgreSQL URL with one more parameter, such as search_path.
func WithQuery(t testing.TB, databaseURL, name, value string) string {
	t.Helper()
	return changed(t, databaseURL, func(_ *url.URL, q url.Values) { q.Set(name, value) })
}

func changed(t testing.TB, databaseURL string, change func(*url.URL, url.Values)) string {
	t.Helper()
	u, err := url.Parse(databaseURL)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	change(u, q)
	// pgx takes + for itself, and not for a space.
	u.RawQuery = strings.ReplaceAll(q.Encode(), "+", "%20")
	return u.String()
}
