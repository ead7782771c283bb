package db_test

import (
	"context"
	"errors"
	"net"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"
)

// pooler is a connection pooler in transaction mode, like PgBouncer's: a client has
// a connection to the server only while it is in a statement or a transaction, and
// the one that was given back last goes out first.
type pooler struct {
	dsn string

	mu   sync.Mutex
	idle []*pgconn.HijackedConn
}

// startPooler returns its address.
func startPooler(t *testing.T, dsn string) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &pooler{dsn: dsn}
	var clients sync.WaitGroup
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			clients.Go(func() { _ = p.serve(conn) })
		}
	}()
	t.Cleanup(func() {
		_ = listener.Close()
		clients.Wait()
		for _, server := range p.idle {
			_ = server.Conn.Close()
		}
	})
	return listener.Addr().String()
}

func (p *pooler) serve(conn net.Conn) error {
	defer func() { _ = conn.Close() }()
	client := pgproto3.NewBackend(conn, conn)
	if _, err := client.ReceiveStartupMessage(); err != nil {
		return err
	}
	client.Send(&pgproto3.AuthenticationOk{})
	for name, value := range map[string]string{"client_encoding": "UTF8", "standard_conforming_strings": "on", "server_version": "16.0"} {
		client.Send(&pgproto3.ParameterStatus{Name: name, Value: value})
	}
	client.Send(&pgproto3.BackendKeyData{ProcessID: 1, SecretKey: []byte{0, 0, 0, 1}})
	client.Send(&pgproto3.ReadyForQuery{TxStatus: 'I'})
	if err := client.Flush(); err != nil {
		return err
	}
	for {
		if err := p.transaction(client); err != nil {
			return err
		}
	}
}

// transaction passes one on, from the first statement to the end of it.
func (p *pooler) transaction(client *pgproto3.Backend) error {
	var server *pgconn.HijackedConn
	for {
		message, err := client.Receive()
		query, ok := message.(*pgproto3.Query)
		if err != nil || !ok { // the end, or what this pooler does not know
			if server != nil {
				_ = server.Conn.Close()
			}
			return errors.Join(err, net.ErrClosed)
		}
		if server == nil {
			if server, err = p.take(); err != nil {
				return err
			}
		}
		status, err := pass(client, server, query)
		if err != nil {
			return err
		}
		if status == 'I' {
			p.mu.Lock()
			p.idle = append(p.idle, server)
			p.mu.Unlock()
			return nil
		}
	}
}

func (p *pooler) take() (*pgconn.HijackedConn, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if n := len(p.idle); n > 0 {
		server := p.idle[n-1]
		p.idle = p.idle[:n-1]
		return server, nil
	}
	conn, err := pgconn.Connect(context.Background(), p.dsn) // outlives the client that it is opened for
	if err != nil {
		return nil, err
	}
	return conn.Hijack()
}

// pass passes a statement on and its answers back.
func pass(client *pgproto3.Backend, server *pgconn.HijackedConn, query *pgproto3.Query) (status byte, err error) {
	server.Frontend.Send(query)
	if err := server.Frontend.Flush(); err != nil {
		return 0, err
	}
	for {
		message, err := server.Frontend.Receive()
		if err != nil {
			return 0, err
		}
		client.Send(message)
		if err := client.Flush(); err != nil {
			return 0, err
		}
		if ready, ok := message.(*pgproto3.ReadyForQuery); ok {
			return ready.TxStatus, nil
		}
	}
}
