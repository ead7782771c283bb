package gcptest

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/mcpkeep/mcpkeep/internal/gcp"
)

// Connection is the connection name of an Instance.
const Connection = Project + ":" + Region + ":main"

// Instance has the two doors of a Cloud SQL instance: TLS over TCP, and a Unix socket as Cloud
// Run mounts it. Both want an access token of the user's for a password
// (https://cloud.google.com/sql/docs/postgres/iam-logins), and lead to a real PostgreSQL.
type Instance struct {
	Addr   string // of the TLS door
	Socket string // folder of the other, which ends with Connection

	cloud *Cloud
	path  string // of the real server's socket

	doors sync.WaitGroup

	mu    sync.Mutex
	tcp   net.Listener // of the TLS door
	open  map[net.Conn]struct{}
	iam   bool
	users map[string]bool
	cert  tls.Certificate
}

// NewInstance opens the doors of a PostgreSQL server that listens on a Unix socket and trusts
// everyone. The certificate of the TLS door is for 127.0.0.1. They close with the test.
func NewInstance(t testing.TB, cloud *Cloud, path string, cert tls.Certificate) *Instance {
	t.Helper()
	i := &Instance{cloud: cloud, path: path, open: map[net.Conn]struct{}{}, iam: true, users: map[string]bool{}, cert: cert}
	folder, err := os.MkdirTemp("/tmp", "sql") //nolint:usetesting // a socket's path is short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(folder) })
	i.Socket = filepath.Join(folder, Connection)
	if err := os.Mkdir(i.Socket, 0o700); err != nil {
		t.Fatal(err)
	}
	tcp, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // it opens without a wait
	if err != nil {
		t.Fatal(err)
	}
	unix, err := net.Listen("unix", filepath.Join(i.Socket, ".s.PGSQL.5432")) //nolint:noctx // as above
	if err != nil {
		t.Fatal(err)
	}
	i.Addr = tcp.Addr().String()
	i.tcp = tcp
	i.doors.Go(func() { i.accept(tcp, true) })
	i.doors.Go(func() { i.accept(unix, false) })
	t.Cleanup(func() {
		i.mu.Lock()
		_, _ = i.tcp.Close(), unix.Close()
		i.mu.Unlock()
		i.Disconnect()
		i.doors.Wait()
	})
	return i
}

// Move gives the TLS door another address, with the port that it has, and ends all connections.
func (i *Instance) Move(address string) error {
	_, port, err := net.SplitHostPort(i.Addr)
	if err != nil {
		return err
	}
	next, err := net.Listen("tcp", net.JoinHostPort(address, port)) //nolint:noctx // it opens without a wait
	if err != nil {
		return err
	}
	i.mu.Lock()
	_ = i.tcp.Close()
	i.tcp = next
	i.mu.Unlock()
	i.Disconnect()
	i.doors.Go(func() { i.accept(next, true) })
	return nil
}

// AddUser makes an IAM user. The real server needs a role of that name.
func (i *Instance) AddUser(name string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.users[name] = true
}

// RemoveUser removes an IAM user.
func (i *Instance) RemoveUser(name string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	delete(i.users, name)
}

// SetIAM turns IAM log-in on or off (the flag cloudsql.iam_authentication).
func (i *Instance) SetIAM(on bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.iam = on
}

// SetCertificate changes the certificate of the TLS door.
func (i *Instance) SetCertificate(cert tls.Certificate) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.cert = cert
}

// Disconnect ends all connections.
func (i *Instance) Disconnect() {
	i.mu.Lock()
	defer i.mu.Unlock()
	for conn := range i.open {
		_ = conn.Close()
	}
}

func (i *Instance) accept(l net.Listener, secure bool) {
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		i.mu.Lock()
		i.open[conn] = struct{}{}
		i.mu.Unlock()
		i.doors.Go(func() {
			defer func() {
				i.mu.Lock()
				delete(i.open, conn)
				i.mu.Unlock()
				_ = conn.Close()
			}()
			_ = i.serve(conn, secure) // the client sees it end
		})
	}
}

var errNoTLS = errors.New("no TLS")

// serve lets a connection in and carries it to the real server.
func (i *Instance) serve(conn net.Conn, secure bool) error {
	backend := pgproto3.NewBackend(conn, conn)
	message, err := backend.ReceiveStartupMessage()
	if err != nil {
		return err
	}
	if _, asked := message.(*pgproto3.SSLRequest); asked {
		answer := "N"
		if secure {
			answer = "S"
		}
		if _, err := io.WriteString(conn, answer); err != nil || !secure {
			return errors.Join(err, errNoTLS)
		}
		i.mu.Lock()
		cert := i.cert
		i.mu.Unlock()
		conn = tls.Server(conn, &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12})
		backend = pgproto3.NewBackend(conn, conn)
		if message, err = backend.ReceiveStartupMessage(); err != nil {
			return err
		}
	} else if secure {
		return errNoTLS
	}
	startup, ok := message.(*pgproto3.StartupMessage)
	if !ok {
		return errors.New("not a startup message")
	}
	if refusal := i.authenticate(backend, startup.Parameters["user"]); refusal != nil {
		backend.Send(refusal)
		return backend.Flush()
	}
	return i.carry(conn, startup)
}

// authenticate asks for the password, and returns why it will not do.
func (i *Instance) authenticate(backend *pgproto3.Backend, user string) *pgproto3.ErrorResponse {
	backend.Send(&pgproto3.AuthenticationCleartextPassword{})
	if err := backend.Flush(); err != nil {
		return fatal("08006", "connection lost")
	}
	if err := backend.SetAuthType(pgproto3.AuthTypeCleartextPassword); err != nil {
		return fatal("08006", "connection lost")
	}
	message, err := backend.Receive()
	password, ok := message.(*pgproto3.PasswordMessage)
	if err != nil || !ok {
		return fatal("28P01", "no password")
	}
	i.mu.Lock()
	iam, known := i.iam, i.users[user]
	i.mu.Unlock()
	switch {
	case !iam:
		return fatal("28P01", `password authentication failed for user "`+user+`"`)
	case !known:
		return fatal("28000", `role "`+user+`" does not exist`)
	case !i.cloud.Valid(password.Password, gcp.ScopeLogin, gcp.ScopeCloud):
		refusal := fatal("28000", `Cloud SQL IAM service account authentication failed for user "`+user+`"`)
		refusal.Detail = "Request had invalid authentication credentials. Expected OAuth 2 access token."
		return refusal
	case !i.cloud.HasRole(RoleInstanceUser), user+".gserviceaccount.com" != Account:
		return fatal("28000", `Cloud SQL IAM service account authentication failed for user "`+user+`"`)
	}
	return nil
}

func fatal(code, message string) *pgproto3.ErrorResponse {
	return &pgproto3.ErrorResponse{Severity: "FATAL", SeverityUnlocalized: "FATAL", Code: code, Message: message}
}

// carry copies bytes between the client and the real server.
func (i *Instance) carry(client net.Conn, startup *pgproto3.StartupMessage) error {
	server, err := net.Dial("unix", i.path) //nolint:noctx // it is there or not
	if err != nil {
		return err
	}
	defer func() { _ = server.Close() }()
	hello, err := startup.Encode(nil)
	if err != nil {
		return err
	}
	if _, err := server.Write(hello); err != nil {
		return err
	}
	var back sync.WaitGroup
	back.Go(func() {
		_, _ = io.Copy(client, server)
		_ = client.Close()
	})
	_, err = io.Copy(server, client)
	_ = server.Close()
	back.Wait()
	return err
}
