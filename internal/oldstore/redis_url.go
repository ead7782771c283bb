package oldstore

import (
	"fmt"
	"net/url"
	"regexp"
	"strconv"
)

var (
	redisScheme   = regexp.MustCompile(`(?i)^rediss?:`)
	redisDatabase = regexp.MustCompile(`^/?[0-9]*$`)
)

// isRedis reports whether a source is meant as a Redis URL, malformed or not: what is none is
// taken for a directory, whose name errors hold.
func isRedis(source string) bool { return redisScheme.MatchString(source) }

// parseRedisURL reads a Redis URL. An unencoded / or @ in the password moves pieces of it to
// the host or behind it, which errors show: such a URL is refused, and never shown.
func parseRedisURL(source string) (*url.URL, error) {
	u, err := url.Parse(source) // its error quotes the URL
	if err == nil && u.Opaque == "" && u.Host != "" && isPort(u.Port()) &&
		redisDatabase.MatchString(u.EscapedPath()) && u.RawQuery == "" && !u.ForceQuery && u.Fragment == "" {
		return u, nil
	}
	return nil, fmt.Errorf("%w: the Redis URL is malformed; want redis://USER:PASSWORD@HOST:PORT/DB with a number for DB, "+
		"and percent-encode special characters in the password, such as @ as %%40, : as %%3A, / as %%2F, # as %%23, ? as %%3F and %% as %%25", ErrSource)
}

func isPort(text string) bool {
	port, err := strconv.Atoi(text)
	return text == "" || err == nil && port > 0 && port <= 65535
}
