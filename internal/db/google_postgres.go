package db

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
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
		service, err := client.Service(ctx)
		if err != nil {
			return fmt.Errorf("no user in the URL, and the service account is not known: %w", err)
		}
		conn.User = strings.TrimSuffix(service.Account, ".gserviceaccount.com")
	}
	p.login = func(ctx context.Context, conn *pgx.ConnConfig) (err error) {
		conn.Password, err = client.Token(ctx, gcp.ScopeLogin)
		return err
	}
	return nil
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
	if config == nil || config.InsecureSkipVerify && config.VerifyPeerCertificate == nil {
		return badURLError("sends an access token as the password, so the server's certificate has to be verified: " +
			"set sslmode=verify-ca and sslrootcert=PATH of the instance's server CA, or connect through the socket")
	}
	return nil
}

// refusedAtGoogle knows what Cloud SQL says when a service account may not log in.
func (l login) refusedAtGoogle(err *pgconn.PgError) *RefusedError {
	const login = "https://cloud.google.com/sql/docs/postgres/iam-logins"
	switch message := err.Message + " " + err.Detail; {
	case err.Code == "28000" && strings.Contains(message, "does not exist"):
		return &RefusedError{
			Found: "the instance has no user " + l.role,
			Fix:   "run `gcloud sql users create " + strings.Trim(l.role, `"`) + " --instance INSTANCE --type cloud_iam_service_account`",
		}
	case strings.Contains(message, "IAM") && strings.Contains(message, "authentication failed"):
		return &RefusedError{
			Found: "Cloud SQL does not let the service account log in as " + l.role + ": " + printable(err.Message),
			Fix:   "give the service account the role roles/cloudsql.instanceUser; if it has the role, its access token was not accepted",
		}
	case err.Code == "28P01":
		return &RefusedError{
			Found: "the instance takes the access token for an ordinary password of " + l.role,
			Fix: "turn IAM log-in on with `gcloud sql instances patch INSTANCE --database-flags cloudsql.iam_authentication=on`, and create the user " +
				"with --type cloud_iam_service_account (" + login + ")",
		}
	}
	return nil
}

// refusedSocket is said when Cloud Run has not mounted the instance.
func refusedSocket(host string, err error) *RefusedError {
	if !strings.HasPrefix(host, "/cloudsql/") || !errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	instance := strings.TrimPrefix(host, "/cloudsql/")
	return &RefusedError{
		Found: "there is no socket of the instance " + instance,
		Fix: "attach the instance to the service with `gcloud run services update SERVICE --set-cloudsql-instances " + instance +
			"`, and give its service account the role roles/cloudsql.client",
	}
}
