package db

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/mcpkeep/mcpkeep/internal/gcp"
)

// loginParam is a parameter of our own, with one value.
const (
	loginParam  = "mcpkeep_login"
	googleLogin = "google-iam"
)

// WithGoogleLogin is a PostgreSQL URL or DSN whose connections log in to Cloud SQL as the
// service account, each with a fresh access token for a password. ok is false for another
// database.
func WithGoogleLogin(text string) (_ string, ok bool) {
	if !isPostgres(text) {
		return text, false
	}
	return withParam(text, loginParam, googleLogin), true
}

// withoutLogin takes our own parameter out.
func withoutLogin(params []param) (_ []param, login string) {
	return slices.DeleteFunc(params, func(p param) bool {
		if p.name == loginParam {
			login = p.value
		}
		return p.name == loginParam
	}), login
}

// longestSocket is the longest path of a Unix socket that Linux takes, in bytes.
const longestSocket = 107

// logInAtGoogle prepares a configuration for IAM database authentication
// (https://cloud.google.com/sql/docs/postgres/iam-logins).
func (p *postgres) logInAtGoogle(ctx context.Context, a address, cfg *pgxpool.Config) error {
	conn := cfg.ConnConfig
	client, err := gcp.Default()
	switch {
	case err != nil:
		return err
	case conn.Password != "":
		return badURLError("has a password, and with MCPKEEP_DATABASE_AUTH=google-iam the service account logs in without one: remove it from the URL, PGPASSWORD and .pgpass")
	}
	if err := checkWay(conn.Host, conn.Port, conn.TLSConfig); err != nil {
		return err
	}
	for _, other := range conn.Fallbacks {
		if err := checkWay(other.Host, other.Port, other.TLSConfig); err != nil {
			return err
		}
	}
	if !a.user {
		account, err := client.Account(ctx)
		if err != nil {
			return fmt.Errorf("MCPKEEP_DATABASE_AUTH=google-iam: no user in the URL, and the service account is not known: %w", err)
		}
		conn.User = strings.TrimSuffix(account, ".gserviceaccount.com")
	}
	p.login = func(ctx context.Context, conn *pgx.ConnConfig) (err error) {
		if conn.Password, err = client.Token(ctx, gcp.ScopeLogin); err != nil {
			return fmt.Errorf("MCPKEEP_DATABASE_AUTH=google-iam: %w", err)
		}
		return nil
	}
	p.forget = func() { client.Forget(gcp.ScopeLogin) }
	return p.login(ctx, conn.Copy()) // a missing token is not waited for like a server
}

// checkWay refuses a way to the server on which others could take the token.
func checkWay(host string, port uint16, config *tls.Config) error {
	if strings.HasPrefix(host, "/") {
		socket := fmt.Sprintf("%s/.s.PGSQL.%d", host, port)
		if len(socket) > longestSocket {
			return badURLError(fmt.Sprintf("the path of the socket would have %d bytes, and Linux takes %d: shorten the name of the instance or the folder", len(socket), longestSocket))
		}
		return nil
	}
	if !verifies(config) {
		return badURLError("sends an access token as the password, so the server's certificate has to be verified: " +
			"set sslmode=verify-ca and sslrootcert=PATH of the instance's server CA, or connect through the socket")
	}
	return nil
}

// staleLogin reports whether the instance refused the access token of a new connection. Another
// token may be taken: the instance's clock decides when one ends.
func (p *postgres) staleLogin(err error) bool {
	var pgErr *pgconn.PgError
	return p.forget != nil && errors.As(err, &pgErr) && refusedToken(pgErr)
}

func refusedToken(err *pgconn.PgError) bool {
	return err.Code == "28000" && strings.Contains(err.Message, "IAM") && strings.Contains(err.Message, "authentication failed")
}

// refusedAtGoogle knows what Cloud SQL says when a service account may not log in.
func (l login) refusedAtGoogle(host string, err *pgconn.PgError) *RefusedError {
	user := strings.Trim(l.role, `"`)
	instance, project := l.instance(host)
	at := " --instance " + instance + " --project " + project
	switch message := err.Message + " " + err.Detail; {
	case err.Code == "28000" && strings.Contains(message, "does not exist"):
		return &RefusedError{
			Found: "the instance has no user " + l.role,
			Fix:   "run `gcloud sql users create " + user + " --type cloud_iam_service_account" + at + "`",
		}
	case refusedToken(err) && strings.Contains(message, "invalid authentication credentials"):
		return &RefusedError{
			Found: "Cloud SQL does not take the access token of " + l.role + ", a new one included: " + printable(err.Message),
			Fix: "run `gcloud iam service-accounts enable " + user + ".gserviceaccount.com --project " + project +
				"` if the account is disabled, and check this machine's clock",
		}
	case refusedToken(err):
		return &RefusedError{
			Found: "Cloud SQL does not let the service account log in as " + l.role + ", with a new access token either: " + printable(err.Message),
			Fix: "run `gcloud projects add-iam-policy-binding " + project + " --member serviceAccount:" + user +
				".gserviceaccount.com --role roles/cloudsql.instanceUser`",
		}
	case err.Code == "28P01":
		return &RefusedError{
			Found: "the instance takes the access token for an ordinary password of " + l.role + ": IAM log-in is off, or the user has another type",
			Fix: "run `gcloud sql instances patch " + instance + " --project " + project + " --database-flags cloudsql.iam_authentication=on` " +
				"with the other flags of the instance, which it replaces, and create the user with --type cloud_iam_service_account",
		}
	}
	return nil
}

// connectionName is PROJECT:REGION:INSTANCE, with a domain before the project of some
// organizations.
var connectionName = regexp.MustCompile(`^((?:[a-z0-9.-]+:)?[a-z0-9-]+):([a-z0-9-]+):([a-z0-9-]+)$`)

// instanceAt returns what the folder of a mounted socket says of the instance, and a
// placeholder elsewhere.
func instanceAt(host string) (instance, project string) {
	if parts := connectionName.FindStringSubmatch(path.Base(host)); strings.HasPrefix(host, "/") && parts != nil {
		return parts[3], parts[1]
	}
	return "INSTANCE", ""
}

// instance is instanceAt, or else the project of the service account.
func (l login) instance(host string) (instance, project string) {
	instance, project = instanceAt(host)
	if _, domain, ok := strings.Cut(strings.Trim(l.role, `"`), "@"); ok && project == "" {
		project = strings.TrimSuffix(domain, ".iam")
	}
	return instance, project
}

// refusedSocket is said when Cloud Run has not mounted the instance.
func refusedSocket(host string, err error) *RefusedError {
	instance := path.Base(host)
	_, project := instanceAt(host)
	if !strings.HasPrefix(host, "/") || !connectionName.MatchString(instance) || !errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return &RefusedError{
		Found: "there is no socket of the instance " + instance,
		Fix: "attach the instance with `gcloud run services update SERVICE --region REGION --add-cloudsql-instances " + instance +
			"`, and give the service account the role with `gcloud projects add-iam-policy-binding " + project +
			" --member serviceAccount:ACCOUNT --role roles/cloudsql.client`",
	}
}

// unreachableInstance says more of a network without a way to the instance's private address.
func unreachableInstance(host string, err error) error {
	var opErr *net.OpError
	if strings.HasPrefix(host, "/") || !errors.As(err, &opErr) {
		return err
	}
	return fmt.Errorf("the instance does not answer at its address: check that it runs, and give the service a way to its network "+
		"with `gcloud run services update SERVICE --region REGION --network NETWORK --subnet SUBNET --vpc-egress private-ranges-only`: %w", err)
}
