package db

import (
	_ "embed"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// badURLError is an address that cannot be used, and why, without any piece of it.
type badURLError string

// Error is the reason.
func (b badURLError) Error() string { return string(b) }

// Is makes it an ErrBadURL.
func (badURLError) Is(target error) bool { return target == ErrBadURL }

// errPercentEncode is said when a URL ends up with parts that a password cannot have.
const errPercentEncode = badURLError("malformed PostgreSQL URL: percent-encode special characters in the user name and the password, such as @ as %40, : as %3A, / as %2F, # as %23, ? as %3F and % as %25")

// errQuoted is said of a URL as `docker run --env-file` passes it on.
const errQuoted = badURLError("has quotes around it; write the URL without them")

// isQuoted reports whether only the quotes keep a text from being a URL.
func isQuoted(text string) bool {
	inside := strings.Trim(text, "\"'")
	_, isSQLite := IsSQLite(inside)
	return inside != text && (isSQLite || isPostgres(inside))
}

// Poolers that a URL may name.
const (
	poolerTransaction = "transaction"
	poolerSession     = "session"
	poolerNone        = "none"
)

// address is a PostgreSQL URL or DSN in pgx's words.
type address struct {
	dsn    string
	pooler string // one of the above; "" when the URL does not say
	login  string // googleLogin, or "" for a password
	roots  string // value of sslrootcert
	user   bool   // there is one
}

// param is a parameter of a URL or a keyword and its value of a DSN.
type param struct{ name, value string }

var (
	postgresScheme = regexp.MustCompile(`(?i)^(?:jdbc:)?(?:postgres|postgresql)(?:\+[a-z0-9_]+)?://`)
	keywordDSN     = regexp.MustCompile(`^\s*[a-zA-Z_]+\s*=`)
	parameterName  = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_.]*$`)
)

// isPostgres reports whether url looks like a PostgreSQL URL or keyword/value DSN.
func isPostgres(text string) bool {
	return postgresScheme.MatchString(text) || keywordDSN.MatchString(text)
}

// parseAddress translates what SQLAlchemy, asyncpg, psycopg, JDBC, Prisma and node's
// clients write to what pgx reads. Its errors are a badURLError.
func parseAddress(text string) (address, error) {
	scheme := postgresScheme.FindString(text)
	if scheme == "" {
		params, err := keywords(text)
		if err != nil {
			return address{}, err
		}
		params, login := withoutLogin(params)
		params, roots := withoutAuthority(params)
		params, pooler, err := translate(params)
		return address{dsn: joinKeywords(params), pooler: pooler, login: login, roots: roots, user: hasParam(params, "user")}, err
	}
	return parseURL(text[len(scheme):])
}

// parseURL reads what follows the scheme. All that can be a piece of a password is before
// the last @, or in a parameter: only what is neither ever reaches the driver's errors.
func parseURL(text string) (address, error) {
	rest, query, _ := strings.Cut(text, "?")
	server, path, _ := strings.Cut(rest, "/")
	user, hosts, hasUser := cutLast(server, "@")
	// Without a host there is no user either, and an @ in the query ends no password.
	if strings.Contains(text, "#") || strings.Contains(path, "@") || server != "" && strings.Contains(query, "@") {
		return address{}, errPercentEncode
	}
	if _, err := url.Parse("postgres://" + user + "@host/"); hasUser && err != nil {
		return address{}, errPercentEncode
	}
	if err := checkHosts(hosts); err != nil {
		return address{}, err
	}
	rest = strings.ReplaceAll(user, "@", "%40") + rest[len(user):] // the last one ends the password
	params, err := queryParams(query)
	if err != nil {
		return address{}, err
	}
	params, login := withoutLogin(params)
	params, roots := withoutAuthority(params)
	params, pooler, err := translate(withoutSSL(params))
	hasUser = hasUser && !strings.HasPrefix(user, ":") && user != "" || hasParam(params, "user")
	return address{dsn: "postgres://" + rest + joinQuery(params), pooler: pooler, login: login, roots: roots, user: hasUser}, err
}

func hasParam(params []param, name string) bool {
	return slices.ContainsFunc(params, func(p param) bool { return p.name == name })
}

// hostPort is a host of a URL, by name, by number or as a percent-encoded folder.
var hostPort = regexp.MustCompile(`^(?:[A-Za-z0-9._%-]*|\[[0-9A-Za-z:.%]*\])(?::([0-9]{1,5}))?$`)

// checkHosts refuses what cannot be hosts and ports: without an @, it may be a password.
func checkHosts(hosts string) error {
	for host := range strings.SplitSeq(hosts, ",") {
		match := hostPort.FindStringSubmatch(host)
		if match == nil {
			return badURLError("malformed PostgreSQL URL: check host, port and the @ before them, and percent-encode special characters in the password")
		}
		if port, err := strconv.Atoi(match[1]); match[1] != "" && (err != nil || port == 0 || port > 65535) {
			return badURLError("malformed PostgreSQL URL: check host, port and the @ before them; a port is a number up to 65535")
		}
	}
	return nil
}

func cutLast(s, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return "", s, false
}

// queryParams splits a query. A plus sign is one, as for libpq.
func queryParams(query string) ([]param, error) {
	var params []param
	for part := range strings.SplitSeq(query, "&") {
		if part == "" {
			continue
		}
		name, value, ok := strings.Cut(part, "=")
		unescaped, err := url.PathUnescape(value)
		if !ok || err != nil || !parameterName.MatchString(name) {
			return nil, errPercentEncode
		}
		params = append(params, param{name, unescaped})
	}
	return params, nil
}

func joinQuery(params []param) string {
	var b strings.Builder
	for i, p := range params {
		b.WriteByte("?&"[min(i, 1)])
		b.WriteString(p.name + "=" + strings.ReplaceAll(url.QueryEscape(p.value), "+", "%20"))
	}
	return b.String()
}

var keywordPair = regexp.MustCompile(`^\s*([A-Za-z][A-Za-z0-9_.]*)\s*=\s*(?:'((?:[^'\\]|\\.)*)'|((?:[^\s'\\]|\\.)*))(?:\s+|$)`)

var escaped = regexp.MustCompile(`\\(.)`)

// keywords splits a DSN of keywords and values.
func keywords(dsn string) ([]param, error) {
	var params []param
	for strings.TrimSpace(dsn) != "" {
		match := keywordPair.FindStringSubmatch(dsn)
		if match == nil {
			return nil, badURLError("malformed PostgreSQL DSN: want keyword=value pairs; quote a value with spaces as 'value', and in it write \\' and \\\\")
		}
		params = append(params, param{match[1], escaped.ReplaceAllString(match[2]+match[3], "$1")})
		dsn = dsn[len(match[0]):]
	}
	return params, nil
}

func joinKeywords(params []param) string {
	quote := strings.NewReplacer(`\`, `\\`, `'`, `\'`)
	var words []string
	for _, p := range params {
		words = append(words, p.name+"='"+quote.Replace(p.value)+"'")
	}
	return strings.Join(words, " ")
}

// maxConns is the parameter for the size of the pool, which WithMaxConns may repeat.
const maxConns = "pool_max_conns"

// WithMaxConns is a URL or DSN with the size of the pool, which 0 leaves as it is.
func WithMaxConns(text string, size int) string {
	if size <= 0 || !isPostgres(text) {
		return text
	}
	return withParam(text, maxConns, strconv.Itoa(size))
}

// withParam adds a parameter whose value needs no escaping.
func withParam(text, name, value string) string {
	switch {
	case !postgresScheme.MatchString(text):
		return text + " " + name + "=" + value
	case strings.Contains(text, "?"):
		return text + "&" + name + "=" + value
	}
	return text + "?" + name + "=" + value
}

// WithDefaultMaxConns is a URL or DSN with the size of the pool, unless it says one.
func WithDefaultMaxConns(text string, size int) string {
	if strings.Contains(text, maxConns) {
		return text
	}
	return WithMaxConns(text, size)
}

// translate returns the parameters that pgx takes, and the pooler that they speak of. Its
// errors number parameters, since a name may be a piece of a password.
func translate(params []param) (kept []param, pooler string, err error) {
	given := make(map[string]bool)
	for i, p := range params {
		if given[p.name] && p.name != maxConns {
			return nil, "", badURLError(fmt.Sprintf("parameter %d in the PostgreSQL URL repeats an earlier one: remove one of them, "+
				"or encode the special characters in the password", i+1))
		}
		given[p.name] = true
		name, value, say, err := translateOne(p, i+1)
		if err != nil {
			return nil, "", err
		}
		if say != "" && (pooler == "" || p.name == "pooler") {
			pooler = say
		}
		if name != "" {
			kept = append(slices.DeleteFunc(kept, func(k param) bool { return k.name == name && name != "options" }), param{name, value})
		}
	}
	return kept, pooler, nil
}

// translateOne returns an empty name for a parameter that means nothing to mcpkeep.
func translateOne(p param, number int) (name, value, pooler string, err error) {
	if translation, ok := translations[p.name]; ok {
		return translation(p)
	}
	if _, ok := pgxParameters[p.name]; ok || settingNames[strings.ToLower(p.name)] || strings.Contains(p.name, ".") {
		return p.name, p.value, "", nil
	}
	return "", "", "", unknownParameter(p.name, number)
}

//go:embed settings_postgres.txt
var settingsText string

// settingNames are the settings of PostgreSQL 14 to 18 that a connection may have.
var settingNames = func() map[string]bool {
	names := make(map[string]bool)
	for name := range strings.FieldsSeq(strings.ToLower(settingsText)) {
		names[name] = true
	}
	return names
}()
