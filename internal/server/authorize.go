package server

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/mcpkeep/mcpkeep/internal/fastmcp"
	"github.com/mcpkeep/mcpkeep/internal/identity"
	"github.com/mcpkeep/mcpkeep/internal/oauth"
	"github.com/mcpkeep/mcpkeep/internal/pages"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// maxParam bounds each parameter of an authorization request; state is the
// longest that clients send.
const maxParam = 4096

// authorize answers the authorization request (RFC 6749 §4.1.1). It shows the
// first page and changes nothing: clients fetch this URL ahead of the browser to
// see whether they are still known, and pages are loaded more than once.
func (s *Server) authorize(w http.ResponseWriter, r *http.Request) error {
	values, err := parseQuery(r)
	if err != nil {
		return err
	}
	noteNamed(w, values.Get("client_id"))
	s.recallRegistration(r, values)
	ar, err := s.parseAuthorization(r.Context(), values)
	s.countAuthorization(ar, err)
	if err != nil {
		return err
	}
	noteAuthorization(w, ar)
	return s.showFirstPage(w, r, ar, http.StatusOK, "")
}

// authorization is a valid authorization request and its client.
type authorization struct {
	request    storage.Request
	client     storage.Client
	values     url.Values // as they came, to be sent again by the form
	toRegister bool       // approval registers the client
	further    bool       // approval is for a redirect URI that the client does not have: see Server.further
	carried    bool       // the client was evicted, and came with the page
}

// subject is what the CSRF token of the first page is about.
func (a authorization) subject() string {
	q, asked := a.request, strconv.FormatBool(a.toRegister)
	if a.further {
		asked = "further"
	}
	return strings.Join([]string{q.ClientID, q.RedirectURI, q.State, q.Scope, q.Resource, q.CodeChallenge, asked}, "\x00")
}

// parseAuthorization validates an authorization request. Whatever is wrong with
// client or redirect URI is a page; only then may an error go to the client.
func (s *Server) parseAuthorization(ctx context.Context, values url.Values) (authorization, error) {
	ar := authorization{values: values}
	var err error
	redirect := namedRedirectURI(values)
	ar.client, redirect, err = s.clientAndRedirectURI(ctx, values, redirect)
	if errors.Is(err, storage.ErrNotFound) {
		if evicted, none := s.carriedClient(ctx, values); none == nil {
			ar.client, ar.carried = evicted, true
			redirect, err = requestedRedirectURI(evicted, values, redirect)
		} else if !errors.Is(none, storage.ErrNotFound) {
			return ar, none
		}
	}
	problem := new(storage.DocumentError)
	switch named := len(values["redirect_uri"]) == 1; {
	case named && errors.Is(err, storage.ErrNotFound):
		ar.toRegister, ar.request.Readopt = true, true
		ar.client, err = s.readopted(values.Get("client_id"), redirect, err)
	case named && errors.As(err, &problem):
		ar.toRegister, ar.request.Readopt = true, true
		ar.client, err = s.unread(ctx, values.Get("client_id"), redirect, problem, storage.FailureAway)
	case named && errors.Is(err, errRedirectURI):
		ar.further, ar.request.Further = true, true
		ar.client, err = s.further(ar.client, redirect)
	}
	if errors.Is(err, storage.ErrNotFound) {
		err = errUnknownClient
	}
	if err != nil {
		return ar, err
	}
	ar.request.RedirectURI = redirect.String()
	if len(values["state"]) == 1 {
		ar.request.State = values.Get("state")
	}
	err = s.parseParameters(ctx, values, &ar.request)
	switch {
	case err == nil:
		ar.request.ClientID = ar.client.ID
		return ar, nil
	// No one has agreed to any answer that goes there.
	case ar.further:
		return ar, errRedirectURI
	case ar.toRegister && ar.client.Origin == storage.OriginUnread:
		return ar, problem
	case ar.toRegister:
		return ar, errUnknownClient
	}
	return ar, &redirectError{authorization: ar, err: err}
}

// namedRedirectURI parses the redirect URI that a request names. The zero value, which
// matches nothing, stands for none and for one that no client may register.
func namedRedirectURI(values url.Values) oauth.RedirectURI {
	uris := values["redirect_uri"]
	if len(uris) != 1 || len(uris[0]) > maxParam {
		return oauth.RedirectURI{}
	}
	u, err := oauth.ParseRedirectURI(uris[0])
	if err != nil {
		return oauth.RedirectURI{}
	}
	return u
}

// clientAndRedirectURI finds the client and where it wants its answer, which is named
// if the request names it. A redirect URI may have been registered a moment ago, at
// another replica; and a document that could not be read may be there now.
func (s *Server) clientAndRedirectURI(
	ctx context.Context, values url.Values, named oauth.RedirectURI,
) (client storage.Client, redirect oauth.RedirectURI, err error) {
	for _, find := range []func(context.Context, string) (storage.Client, error){s.lookUpClient, s.currentClient} {
		if client, err = s.requestingClient(ctx, values, find); err != nil {
			return client, named, err
		}
		redirect, err = requestedRedirectURI(client, values, named)
		if err == nil && client.Origin != storage.OriginUnread {
			break
		}
	}
	if errors.Is(err, errRedirectURI) {
		return client, named, s.mismatch(client, named)
	}
	return client, redirect, err
}

// requestingClient finds the client of an authorization request. storage.ErrNotFound
// when it is unknown.
func (s *Server) requestingClient(
	ctx context.Context, values url.Values, find func(context.Context, string) (storage.Client, error),
) (storage.Client, error) {
	ids := values["client_id"]
	if len(ids) != 1 || ids[0] == "" || len(ids[0]) > maxParam {
		return storage.Client{}, badRequestPage("The request has no client_id, so the app is unknown.")
	}
	client, err := find(ctx, ids[0])
	if err == nil {
		err = s.checkConfirmed(client)
	}
	return client, err
}

// requestedRedirectURI checks the redirect URI against the registered ones. One
// registered URI may be left out of the request (RFC 6749 §3.1.2.3), and one
// without a value is left out (§3.1).
func requestedRedirectURI(c storage.Client, values url.Values, named oauth.RedirectURI) (oauth.RedirectURI, error) {
	if len(values["redirect_uri"]) <= 1 && values.Get("redirect_uri") == "" && len(c.RedirectURIs) == 1 {
		// Parsed like any other: a row of another program may hold anything.
		named = namedRedirectURI(url.Values{"redirect_uri": c.RedirectURIs})
	}
	if !isRegistered(c, named) {
		return oauth.RedirectURI{}, errRedirectURI
	}
	return named, nil
}

// isRegistered reports whether a redirect URI is one of the client's.
func isRegistered(c storage.Client, uri oauth.RedirectURI) bool {
	return uri.Matches(c.RedirectURIs) || c.NormalURIs && uri.String() != "" && fastmcp.HasURL(c.RedirectURIs, uri.String())
}

// parseParameters checks the rest of the request.
func (s *Server) parseParameters(ctx context.Context, values url.Values, req *storage.Request) error {
	params, err := single(values)
	if err != nil {
		return err
	}
	for _, v := range params {
		if len(v) > maxParam {
			return oauth.NewError(oauth.InvalidRequest, "a parameter is too long")
		}
	}
	switch params["response_type"] {
	case "code":
	case "":
		return oauth.NewError(oauth.InvalidRequest, "response_type is missing")
	default:
		return oauth.NewError(oauth.UnsupportedResponseType, "only response_type=code is supported")
	}
	if mode := params["response_mode"]; mode != "" && mode != "query" {
		return oauth.NewError(oauth.InvalidRequest, "only response_mode=query is supported")
	}
	if params["request"] != "" || params["request_uri"] != "" {
		return oauth.NewError(oauth.InvalidRequest, "request objects are not supported")
	}
	if params["code_challenge_method"] != "S256" || !oauth.ValidChallenge(params["code_challenge"]) {
		return oauth.NewError(oauth.InvalidRequest, "PKCE is required: code_challenge with code_challenge_method=S256")
	}
	req.CodeChallenge = params["code_challenge"]
	if req.Resource, err = s.requestedResource(ctx, resources(values)); err != nil {
		return err
	}
	target, _ := s.resources.Find(req.Resource) // the zero value stands for one elsewhere
	req.Scope = oauth.Grantable(params["scope"], target)
	return nil
}

// showFirstPage shows what a person sees first: the password form of the local
// provider, or the question whether to continue to the provider, because no one may
// be sent there by an app they did not agree to.
func (s *Server) showFirstPage(w http.ResponseWriter, r *http.Request, ar authorization, status int, problem string) error {
	b := s.ensureBrowser(w, r)
	if err := s.carryFirstPage(&ar); err != nil {
		return err
	}
	s.keepRegistration(w, ar)
	form := pages.Form{Action: "/consent", Hidden: hiddenFields(ar.values, b.csrf(ar.subject()))}
	if s.redirects() {
		return s.showConsentPage(w, ar, form, "")
	}
	form.Action = "/authorize"
	return pages.SignIn{
		Username: identity.Local{}.Person().Login, Status: status, Form: form, Client: clientView(ar), Server: s.resourceView(ar.request.Resource), Error: problem,
	}.Write(w)
}

// repeated lists the parameters that the first page sends again.
var repeated = []string{
	"client_id", "redirect_uri", "response_type", "response_mode", "scope", "state",
	"code_challenge", "code_challenge_method", "resource", carriedField,
}

func hiddenFields(values url.Values, csrf string) []pages.Field {
	fields := []pages.Field{{Name: "csrf", Value: csrf}}
	for _, name := range repeated {
		for _, value := range values[name] {
			fields = append(fields, pages.Field{Name: name, Value: value})
		}
	}
	return fields
}
