// Command zitadel is the example OpenID provider of github.com/zitadel/oidc with one client,
// and people that the tests add and remove:
//
//	zitadel HOST:PORT REDIRECT_URI
//
// PUT and DELETE /control/people/ID add and remove someone.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/zitadel/oidc/v3/example/server/exampleop"
	"github.com/zitadel/oidc/v3/example/server/storage"
	"github.com/zitadel/oidc/v3/pkg/op"
)

func main() {
	if err := run(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(address, redirectURI string) error {
	storage.RegisterClients(storage.WebClient("mcpkeep", "secret of the tests", redirectURI))
	p := &people{byID: map[string]*storage.User{}}
	store := checked{storage.NewStorage(p), p}
	issuer := "http://" + address
	router := exampleop.SetupServer(issuer, store, slog.New(slog.NewTextHandler(os.Stderr, nil)), false, op.WithAllowInsecure())
	mux := http.NewServeMux()
	mux.Handle("/", router)
	mux.HandleFunc("PUT /control/people/{id}", p.put)
	mux.HandleFunc("DELETE /control/people/{id}", p.remove)
	listener, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", address)
	if err != nil {
		return err
	}
	fmt.Println("listening on " + issuer)
	return (&http.Server{Handler: mux, ReadHeaderTimeout: time.Minute}).Serve(listener)
}

// people are the accounts. Their password is their id.
type people struct {
	mu   sync.Mutex
	byID map[string]*storage.User
}

func (p *people) put(w http.ResponseWriter, r *http.Request) {
	var claims struct {
		Name     string `json:"name"`
		Login    string `json:"preferred_username"`
		Email    string `json:"email"`
		Verified bool   `json:"email_verified"`
	}
	if err := json.NewDecoder(r.Body).Decode(&claims); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	first, last, _ := strings.Cut(claims.Name, " ")
	id := r.PathValue("id")
	p.mu.Lock()
	defer p.mu.Unlock()
	p.byID[id] = &storage.User{
		ID: id, Username: claims.Login, Password: id, FirstName: first, LastName: last, Email: claims.Email, EmailVerified: claims.Verified,
	}
}

func (p *people) remove(_ http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.byID, r.PathValue("id"))
}

// GetUserByID implements storage.UserStore.
func (p *people) GetUserByID(id string) *storage.User {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.byID[id]
}

// GetUserByUsername implements storage.UserStore.
func (p *people) GetUserByUsername(name string) *storage.User {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, u := range p.byID {
		if u.Username == name {
			return u
		}
	}
	return nil
}

// ExampleClientID implements storage.UserStore.
func (*people) ExampleClientID() string { return "service" }

// checked refuses refresh tokens of people who were removed, which the example forgets.
type checked struct {
	*storage.Storage
	people *people
}

// TokenRequestByRefreshToken implements op.Storage.
func (c checked) TokenRequestByRefreshToken(ctx context.Context, token string) (op.RefreshTokenRequest, error) {
	request, err := c.Storage.TokenRequestByRefreshToken(ctx, token)
	if err == nil && c.people.GetUserByID(request.GetSubject()) == nil {
		return nil, errors.New("the account was removed")
	}
	return request, err
}
