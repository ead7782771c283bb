package db

import (
	"crypto/x509"
	"errors"
	"regexp"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// refusal makes a *RefusedError of an answer that will be the same the next time: there
// is a server, and it takes no such connection. It returns other errors as they are.
func (p *postgres) refusal(err error) error {
	if err == nil {
		return nil
	}
	cfg := p.pool.Config().ConnConfig
	who := login{role: quoted(cfg.User), database: quoted(cfg.Database)}
	var refused *RefusedError
	var connecting *pgconn.ConnectError
	var pgErr *pgconn.PgError
	switch {
	case errors.As(err, &connecting) && errors.As(err, &pgErr):
		if p.login != nil {
			refused = who.refusedAtGoogle(cfg.Host, pgErr)
		}
		if refused == nil {
			refused = who.refusedBy(pgErr)
		}
	case errors.As(err, &connecting):
		refused = refusedSocket(cfg.Host, err)
		if refused == nil && p.login != nil {
			refused = who.untrusted(cfg.Host, err)
		}
		if refused == nil {
			refused = refusedTLS(err)
		}
	case errors.As(err, &pgErr) && pgErr.Code == "08P01": // PgBouncer's, which asks the server later
		refused = who.refusedBy(pgErr)
	}
	if refused == nil && connecting != nil && p.login != nil {
		return unreachableInstance(cfg.Host, err)
	}
	if refused == nil {
		return err
	}
	refused.cause = err
	return refused
}

// login is what the URL asks for, quoted where SQL wants it.
type login struct{ role, database string }

var plainName = regexp.MustCompile(`^[a-z_][a-z0-9_]*$`)

func quoted(name string) string {
	if plainName.MatchString(name) {
		return name
	}
	return pgx.Identifier{name}.Sanitize()
}

// refusedBy knows the server's answers by their code (PostgreSQL, appendix A), and
// PgBouncer's, which has one code for all, by their text.
func (l login) refusedBy(err *pgconn.PgError) *RefusedError {
	switch err.Code {
	case "28P01":
		return l.wrongPassword()
	case "28000":
		return l.notAllowed(err.Message)
	case "3D000":
		return l.noDatabase()
	case "42501":
		return &RefusedError{
			Found: "role " + l.role + " may not connect to database " + l.database,
			Fix:   "run `GRANT CONNECT ON DATABASE " + l.database + " TO " + l.role + "` as an administrator",
			SQL:   "GRANT CONNECT ON DATABASE " + l.database + " TO " + l.role,
		}
	case "42704", "22023", "55P02":
		return &RefusedError{
			Found: "the server does not accept " + parameterIn(err.Message) + " of the URL",
			Fix:   "remove it from DATABASE_URL, or correct its value",
		}
	case "08P01":
		return l.byPooler(err.Message)
	}
	return nil
}

func (l login) wrongPassword() *RefusedError {
	return &RefusedError{
		Found: "the server does not accept the password of role " + l.role,
		Fix: "correct the password in DATABASE_URL (special characters are percent-encoded in a URL, such as @ as %40), " +
			"or set it with `ALTER ROLE " + l.role + " PASSWORD '…'`",
	}
}

func (l login) noRole() *RefusedError {
	return &RefusedError{
		Found: "the server has no role " + l.role,
		Fix:   "correct the user in DATABASE_URL, or run `CREATE ROLE " + l.role + " LOGIN PASSWORD '…'` as an administrator",
	}
}

func (l login) noDatabase() *RefusedError {
	return &RefusedError{
		Found: "the server has no database " + l.database,
		Fix:   "correct the database in DATABASE_URL, or run `CREATE DATABASE " + l.database + " OWNER " + l.role + "` as an administrator",
	}
}

// notAllowed tells apart what has one code: no such role, one that may not log in, and
// no entry in pg_hba.conf.
func (l login) notAllowed(message string) *RefusedError {
	switch {
	case strings.Contains(message, "pg_hba.conf"):
		fix := "add a line such as `host " + l.database + " " + l.role + " ADDRESS scram-sha-256` to the server's pg_hba.conf and reload it (`SELECT pg_reload_conf()`)"
		if strings.Contains(message, "no encryption") {
			fix = "add sslmode=require to DATABASE_URL where the server wants TLS; otherwise " + fix
		}
		return &RefusedError{Found: "the server has no entry in pg_hba.conf for this connection: " + printable(message), Fix: fix}
	case strings.Contains(message, "not permitted to log in"):
		statement := "ALTER ROLE " + l.role + " LOGIN"
		return &RefusedError{Found: "role " + l.role + " may not log in", Fix: "run `" + statement + "` as an administrator", SQL: statement}
	case strings.Contains(message, "does not exist"):
		return l.noRole()
	}
	return &RefusedError{
		Found: "the server refuses role " + l.role + ": " + printable(message),
		Fix:   "check the user in DATABASE_URL, and the server's pg_hba.conf",
	}
}

var quotedParameter = regexp.MustCompile(`parameter "([A-Za-z0-9_.]+)"`)

// parameterIn is what a server's message is about. It is named if it is a setting of
// PostgreSQL; any other text of the URL may be a piece of a password.
func parameterIn(message string) string {
	for _, pattern := range []*regexp.Regexp{quotedParameter, unsupportedParameter} {
		if match := pattern.FindStringSubmatch(message); len(match) == 2 && settingNames[strings.ToLower(match[1])] {
			return "the parameter " + match[1]
		}
	}
	return "a parameter"
}

var unsupportedParameter = regexp.MustCompile(`unsupported startup parameter(?: in options)?: ([A-Za-z0-9_.]+)`)

// byPooler: what PgBouncer knows of the server's answer.
func (l login) byPooler(message string) *RefusedError {
	parameter := unsupportedParameter.FindStringSubmatch(message)
	switch {
	case parameter != nil:
		fix := "remove it from DATABASE_URL"
		if settingNames[strings.ToLower(parameter[1])] {
			fix += ", and run `ALTER ROLE " + l.role + " IN DATABASE " + l.database + " SET " + parameter[1] + " = …` on the server instead"
		}
		return &RefusedError{Found: "the pooler does not accept " + parameterIn(message) + " of the URL", Fix: fix}
	case strings.Contains(message, "no such user"):
		return l.noRole()
	case strings.Contains(message, "no such database"), strings.Contains(message, "database") && strings.Contains(message, "does not exist"):
		return l.noDatabase()
	case strings.Contains(message, "does not exist"):
		return l.noRole()
	case strings.Contains(message, "authentication failed"):
		return &RefusedError{
			Found: "the pooler does not let in role " + l.role + ": its list of users lacks the role, or the password is wrong",
			Fix:   "correct user and password in DATABASE_URL, or add the role to the pooler's auth_file or auth_query",
		}
	case strings.Contains(message, "pg_hba.conf"):
		return l.notAllowed(message)
	}
	return nil // such as no more connections allowed
}

// refusedTLS knows what keeps two sides from an encrypted connection.
func refusedTLS(err error) *RefusedError {
	var unknown x509.UnknownAuthorityError
	var name x509.HostnameError
	switch {
	case errors.As(err, &unknown):
		return &RefusedError{
			Found: "the database server's certificate is not from an authority that this machine trusts",
			Fix:   "add sslrootcert=FILE with the authority's certificate to DATABASE_URL, or sslmode=require to encrypt without verification",
		}
	case errors.As(err, &name):
		return &RefusedError{
			Found: "the database server's certificate is for another host name",
			Fix:   "use the name in the certificate in DATABASE_URL, or sslmode=verify-ca to accept any name",
		}
	case strings.Contains(err.Error(), "server refused TLS connection"):
		return &RefusedError{
			Found: "the database server does not speak TLS, which sslmode in DATABASE_URL requires",
			Fix:   "enable TLS on the server, or set sslmode=disable on a network that you trust",
		}
	}
	return nil
}
