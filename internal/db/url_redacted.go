package db

import (
	"slices"
	"strings"
)

// Redacted returns a database URL or DSN without its secrets, in the form of a URL, for
// operators to see. ok is false for one that cannot be used: anything in it may be a piece
// of a password.
func Redacted(text string) (shown string, ok bool) {
	if _, isSQLite := IsSQLite(text); isSQLite {
		return text, true
	}
	if !isPostgres(text) {
		return "", false
	}
	a, err := parseAddress(text)
	if err != nil {
		return "", false
	}
	rest, isURL := strings.CutPrefix(a.dsn, "postgres://")
	if !isURL {
		params, err := keywords(a.dsn)
		return joinKeywords(withoutSecrets(params)), err == nil
	}
	rest, query, _ := strings.Cut(rest, "?")
	user, host, hasUser := cutLast(rest, "@")
	if hasUser {
		if name, _, hasPassword := strings.Cut(user, ":"); hasPassword {
			user = name + ":" + redacted
		}
		host = user + "@" + host
	}
	params, err := queryParams(query)
	return "postgres://" + host + joinQuery(withoutSecrets(params)), err == nil
}

// redacted stands for a secret.
const redacted = "xxxxx"

func withoutSecrets(params []param) []param {
	params = slices.Clone(params)
	for i, p := range params {
		switch {
		case p.name == "password" || p.name == "sslpassword":
			params[i].value = redacted
		case isUnknown(p.name):
			params[i] = param{redacted, redacted}
		}
	}
	return params
}

// isUnknown reports whether a name is taken for its dot alone, as a setting of an extension: an
// unencoded & in a password makes such names of its pieces.
func isUnknown(name string) bool { return strings.Contains(name, ".") }
