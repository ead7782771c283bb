package db

import (
	"fmt"
	"strings"
)

// pgxParameters are those that pgx and its pool read.
var pgxParameters = setOf(
	"host", "port", "database", "dbname", "user", "password", "passfile", "connect_timeout",
	"sslmode", "sslkey", "sslcert", "sslcertmode", "sslrootcert", "sslnegotiation", "sslpassword", "sslsni",
	"krbspn", "krbsrvname", "service", "servicefile", "min_protocol_version", "max_protocol_version",
	"channel_binding", "require_auth", "options",
	"pool_max_conns", "pool_min_conns", "pool_min_idle_conns", "pool_max_conn_lifetime", "pool_max_conn_idle_time",
	"pool_health_check_period", "pool_max_conn_lifetime_jitter", "pool_ping_timeout",
	"statement_cache_capacity", "description_cache_capacity", "default_query_exec_mode",
)

func setOf(names ...string) map[string]struct{} {
	set := make(map[string]struct{}, len(names))
	for _, name := range names {
		set[name] = struct{}{}
	}
	return set
}

// translation returns a parameter in pgx's words, or what it says of a pooler.
type translation func(p param) (name, value, pooler string, err error)

// translations are parameters of other clients, and ours.
var translations = func() map[string]translation {
	all := map[string]translation{
		"pooler":                        ourPooler,
		"pgbouncer":                     prismaPooler,
		"ssl":                           sslMode,  // asyncpg, node
		"sslmode":                       nodeMode, // one value of node's is not libpq's
		"sslaccept":                     prismaCertificate,
		"schema":                        renamed("search_path"), // Prisma
		"currentSchema":                 renamed("search_path"), // JDBC
		"ApplicationName":               renamed("application_name"),
		"fallback_application_name":     renamed("application_name"),
		"connection_limit":              renamed("pool_max_conns"), // Prisma
		"connectTimeout":                renamed("connect_timeout"),
		"loginTimeout":                  renamed("connect_timeout"),
		"targetServerType":              jdbcTarget,
		"target_session_attrs":          sessionTarget,
		"statement_cache_size":          cacheSize, // asyncpg, Prisma
		"prepared_statement_cache_size": cacheSize, // SQLAlchemy with asyncpg
		"prepareThreshold":              cacheSize, // JDBC
		"prepare_threshold":             cacheSize, // psycopg
		"gssencmode":                    gssMode,
	}
	for _, name := range []string{ // they have no equivalent, and change nothing of what is stored
		"keepalives", "keepalives_idle", "keepalives_interval", "keepalives_count", "tcp_user_timeout", "tcpKeepAlive",
		"pool_timeout", "socket_timeout", "socketTimeout", "command_timeout", "timeout", "pool_size", "max_overflow",
		"async_fallback", "prepared_statement_name_func", "stringtype", "reWriteBatchedInserts", "binaryTransfer",
		"sslcompression", "load_balance_hosts", "loadBalanceHosts", "uselibpqcompat",
	} {
		all[name] = dropped
	}
	return all
}()

func renamed(to string) translation {
	return func(p param) (string, string, string, error) { return to, p.value, "", nil }
}

func dropped(param) (string, string, string, error) { return "", "", "", nil }

// wrong does not repeat the value.
func wrong(p param, want string) (string, string, string, error) {
	return "", "", "", badURLError(fmt.Sprintf("parameter %s in the PostgreSQL URL: want %s", p.name, want))
}

func ourPooler(p param) (string, string, string, error) {
	switch p.value {
	case poolerTransaction, poolerSession, poolerNone:
		return "", "", p.value, nil
	}
	return wrong(p, "transaction, session or none")
}

func prismaPooler(p param) (string, string, string, error) {
	switch strings.ToLower(p.value) {
	case "true", "1":
		return "", "", poolerTransaction, nil
	case "false", "0":
		return "", "", "", nil
	}
	return wrong(p, "true or false")
}

// cacheSize: with 0, these clients are told to prepare nothing, which is for poolers.
func cacheSize(p param) (string, string, string, error) {
	if v := strings.ToLower(p.value); v == "0" || v == "none" {
		return "", "", poolerTransaction, nil
	}
	return "", "", "", nil
}

// sslMode takes a mode, or true, which for asyncpg and node verifies the certificate.
func sslMode(p param) (string, string, string, error) {
	switch strings.ToLower(p.value) {
	case "true", "1", "":
		return "sslmode", "verify-full", "", nil
	case "false", "0":
		return "sslmode", "disable", "", nil
	}
	return nodeMode(p)
}

func nodeMode(p param) (string, string, string, error) {
	switch p.value {
	case "no-verify":
		return "sslmode", "require", "", nil
	case "disable", "allow", "prefer", "require", "verify-ca", "verify-full":
		return "sslmode", p.value, "", nil
	}
	return wrong(p, "disable, allow, prefer, require, verify-ca or verify-full")
}

func prismaCertificate(p param) (string, string, string, error) {
	switch p.value {
	case "strict":
		return "sslmode", "verify-full", "", nil
	case "accept_invalid_certs":
		return "", "", "", nil // as sslmode says
	}
	return wrong(p, "strict or accept_invalid_certs")
}

func gssMode(p param) (string, string, string, error) {
	if p.value == "require" {
		return wrong(p, "disable or prefer: mcpkeep does not speak GSSAPI encryption")
	}
	return "", "", "", nil
}

func jdbcTarget(p param) (string, string, string, error) {
	switch p.value {
	case "any", "primary", "master":
		return "", "", "", nil
	}
	return wrong(p, "any or primary: mcpkeep writes")
}

// sessionTarget: every connection has to take writes, whatever a URL says.
func sessionTarget(p param) (string, string, string, error) {
	switch p.value {
	case "any", "read-write", "primary", "prefer-standby":
		return "", "", "", nil
	}
	return wrong(p, "any, read-write or primary: mcpkeep writes")
}

// withoutSSL drops ssl where sslmode says more, as JDBC does.
func withoutSSL(params []param) []param {
	var mode bool
	for _, p := range params {
		mode = mode || p.name == "sslmode"
	}
	var kept []param
	for _, p := range params {
		if p.name != "ssl" || !mode {
			kept = append(kept, p)
		}
	}
	return kept
}
