package server

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"

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
	ar, err := s.parseAuthorization(r.Context(), values)
	if err != nil {
		return err
	}
	return s.showFirstPage(w, r, ar, http.StatusOK, "")
}

// authorization is a valid authorization request and its client.
type authorization struct {
	request storage.Request
	client  storage.Client
	values  url.Values // as they came, to be sent again by the form
	anew    bool       // the client is not registered, and is to be
}

// subject is what the CSRF token of the first page is about.
func (a authorization) subject() string {
	q := a.request
	return strings.Join([]string{
		q.ClientID, q.RedirectURI, q.State, q.Scope, q.Resource, q.CodeChallenge, strconv.FormatBool(a.anew),
	}, "\x00")
}

// parseAuthorization validates an authorization request. Whatever is wrong with
// client or redirect URI is a page; only then may an error go to the client.
func (s *Server) parseAuthorization(ctx context.Context, values url.Values) (authorization, error) {
	ar := authorization{values: values}
	var err error
	ar.client, ar.request.RedirectURI, err = s.clientAndRedirectURI(ctx, values)
	if errors.Is(err, storage.ErrNotFound) && len(values["redirect_uri"]) == 1 {
		ar.anew, ar.request.Readopt, ar.request.RedirectURI = true, true, values.Get("redirect_uri")
		ar.client, err = s.readopted(values.Get("client_id"), ar.request.RedirectURI, err)
	}
	if errors.Is(err, storage.ErrNotFound) {
		err = errUnknownClient
	}
	if err != nil {
		return ar, err
	}
	if len(values["state"]) == 1 {
		ar.request.State = values.Get("state")
	}
	if err := s.parseParameters(values, &ar.request); err != nil && ar.anew {
		return ar, errUnknownClient // nobody has agreed to any answer that goes there
	} else if err != nil {
		return ar, &redirectError{authorization: ar, err: err}
	}
	ar.request.ClientID = ar.client.ID
	return ar, nil
}

// clientAndRedirectURI finds the client and where it wants its answer. A redirect
// URI may have been registered a moment ago, at another replica.
func (s *Server) clientAndRedirectURI(ctx context.Context, values url.Values) (client storage.Client, uri string, err error) {
	for _, find := range []func(context.Context, string) (storage.Client, error){s.lookUpClient, s.currentClient} {
		if client, err = s.requestingClient(ctx, values, find); err != nil {
			return client, "", err
		}
		if uri, err = requestedRedirectURI(client, values); err == nil {
			break
		}
	}
	return client, uri, err
}

// requestingClient finds the client of an authorization request. storage.ErrNotFound
// when it is unknown.
func (s *Server) requestingClient(
	ctx context.Context, values url.Values, find func(context.Context, string) (storage.Client, error),
) (storage.Client, error) {
	ids := values["client_id"]
	if len(ids) != 1 || ids[0] == "" || len(ids[0]) > maxParam {
		return storage.Client{}, badRequestPage("The app did not say which app it is (client_id).")
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
func requestedRedirectURI(c storage.Client, values url.Values) (string, error) {
	uris := values["redirect_uri"]
	if len(uris) <= 1 && values.Get("redirect_uri") == "" && len(c.RedirectURIs) == 1 {
		uris = c.RedirectURIs // checked like any other: a row of another program may hold anything
	}
	if len(uris) != 1 || len(uris[0]) > maxParam || !oauth.MatchRedirectURI(c.RedirectURIs, uris[0]) {
		return "", errRedirectURI
	}
	return uris[0], nil
}

// parseParameters checks the rest of the request.
func (s *Server) parseParameters(values url.Values, req *storage.Request) error {
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
	if req.Resource, err = s.resource.Canonical(resources(values)); err != nil {
		return err
	}
	req.Scope, err = oauth.Grantable(params["scope"])
	return err
}

// showFirstPage shows what a person sees first: the password form of the local
// provider, or the question whether to go on to the provider, because nobody may
// be sent there by an app they did not agree to.
func (s *Server) showFirstPage(w http.ResponseWriter, r *http.Request, ar authorization, status int, problem string) error {
	b := s.ensureBrowser(w, r)
	form := pages.Form{Action: "/consent", Hidden: hiddenFields(ar.values, b.csrf(ar.subject()))}
	if s.Upstream != nil {
		return s.showConsentPage(w, ar, form, "")
	}
	form.Action = "/authorize"
	return pages.SignIn{
		Status: status, Form: form, Client: clientView(ar), Server: s.serverView(), Error: problem,
	}.Write(w)
}

// repeated lists the parameters that the first page sends again.
var repeated = []string{
	"client_id", "redirect_uri", "response_type", "response_mode", "scope", "state",
	"code_challenge", "code_challenge_method", "resource",
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
