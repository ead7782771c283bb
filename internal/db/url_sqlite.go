package db

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// sqlalchemyURL is SQLite's with a driver, such as sqlite+aiosqlite:///PATH.
var sqlalchemyURL = regexp.MustCompile(`^sqlite\+[a-z0-9_]+://`)

// IsSQLite reports whether url names an SQLite file, and which: "sqlite:PATH", or
// SQLAlchemy's URL with a driver, in which three slashes come before a relative path
// and four before an absolute one. What has a host or another URL where the path is to be
// names no file: it may hold a password.
func IsSQLite(url string) (path string, ok bool) {
	path, ok = sqlitePath(url)
	hasHost := strings.HasPrefix(path, "//") && !strings.HasPrefix(path, "///")
	if strings.Contains(path, "://") || hasHost && strings.Contains(path, "@") {
		return "", false
	}
	return path, ok
}

func sqlitePath(url string) (path string, ok bool) {
	if scheme := sqlalchemyURL.FindString(url); scheme != "" {
		path, _, _ = strings.Cut(strings.TrimPrefix(url[len(scheme):], "/"), "?")
		return path, true
	}
	return strings.CutPrefix(url, sqlitePrefix)
}

// ambiguous refuses sqlite:///PATH where its two meanings differ in what they find: an
// absolute path, as in all URLs of files, and a relative one, as in SQLAlchemy. The
// absolute one is meant where it can be. With two slashes no one means it.
func ambiguous(path string) error {
	slashes := len(path) - len(strings.TrimLeft(path, "/"))
	if slashes != 2 && slashes != 3 {
		return nil
	}
	relative := path[slashes:]
	absolute := "/" + relative
	if _, err := os.Stat(absolute); err == nil {
		return nil
	}
	if folder := filepath.Dir(absolute); folder != "/" && slashes == 3 {
		if _, err := os.Stat(folder); err == nil {
			return nil
		}
	}
	return badURLError("sqlite:" + path + " is " + absolute + " for some programs and " + relative + " for others, and the former is not there: " +
		"want sqlite:" + relative + " or sqlite:" + absolute)
}
