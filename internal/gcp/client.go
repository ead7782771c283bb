package gcp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"strings"
	"time"

	"cloud.google.com/go/compute/metadata"
)

// Variables that point the requests of this package at a server on this machine.
const (
	EnvMetadataHost  = "GCE_METADATA_HOST"
	EnvSecretManager = "MCPKEEP_GCP_SECRET_MANAGER_URL" //nolint:gosec // a name
)

const (
	maxAnswer  = 1 << 20          // bytes
	oneRequest = 5 * time.Second  // limit for one attempt
	patience   = 10 * time.Second // limit for a question with its retries
)

// EndpointError is a variable with an endpoint that is not on this machine. A token would go
// there.
type EndpointError struct {
	Variable string
	Want     string
}

// Error implements error.
func (e *EndpointError) Error() string {
	return e.Variable + ": not on this machine; want " + e.Want
}

// Client asks Google Cloud's services. It is safe for concurrent use.
type Client struct {
	metadata      *metadata.Client
	http          *http.Client
	tokenServer   *http.Client // for application-default credentials
	secretManager string       // origin in place of Google's; "" for Google's
	tokens        tokens
	secrets       secrets
	services      services
}

// New returns a client. It makes no request. The error is an *EndpointError.
func New() (*Client, error) {
	if err := checkMetadataHost(os.Getenv(EnvMetadataHost)); err != nil {
		return nil, err
	}
	origin := strings.TrimSuffix(strings.TrimSpace(os.Getenv(EnvSecretManager)), "/")
	if err := checkOrigin(origin); err != nil {
		return nil, err
	}
	return &Client{
		metadata:      metadata.NewClient(bounded(fromGoogle)),
		http:          bounded(asJSON),
		tokenServer:   bounded(noPage),
		secretManager: origin,
	}, nil
}

func checkMetadataHost(host string) error {
	name, _, _ := strings.Cut(host, ":")
	switch {
	case host == "", name == "metadata.google.internal", name == "169.254.169.254", isLoopback(host):
		return nil
	}
	return &EndpointError{EnvMetadataHost, "an address of this machine, such as 127.0.0.1:8081"}
}

func checkOrigin(origin string) error {
	if origin == "" {
		return nil
	}
	u, err := url.Parse(origin)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Path != "" || u.RawQuery != "" || u.User != nil || !isLoopback(u.Host) {
		return &EndpointError{EnvSecretManager, "an origin on this machine, such as http://127.0.0.1:8081"}
	}
	return nil
}

func isLoopback(hostport string) bool {
	u := url.URL{Host: hostport}
	if u.Hostname() == "localhost" {
		return true
	}
	addr, err := netip.ParseAddr(u.Hostname())
	return err == nil && addr.IsLoopback()
}

// bounded returns an HTTP client for services that answer shortly and at their own address.
func bounded(check func(*http.Response) error) *http.Client {
	transport := http.DefaultTransport.(*http.Transport).Clone() //nolint:forcetypeassert // as documented
	transport.Proxy = nil
	return &http.Client{Timeout: oneRequest, Transport: checked{transport, check}}
}

// checked refuses responses that are not those of the service.
type checked struct {
	http.RoundTripper
	check func(*http.Response) error
}

// RoundTrip implements http.RoundTripper.
func (c checked) RoundTrip(r *http.Request) (*http.Response, error) {
	res, err := c.RoundTripper.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	if err = c.check(res); res.StatusCode/100 == 3 {
		err = errors.New("it redirects, which Google's services do not")
	}
	if err != nil {
		_ = res.Body.Close()
		return nil, err
	}
	res.Body = &limited{ReadCloser: res.Body, left: maxAnswer}
	return res, nil
}

// fromGoogle refuses what is not the metadata server, but has its address.
func fromGoogle(res *http.Response) error {
	if res.Header.Get("Metadata-Flavor") != "Google" {
		return errors.New("what answers there is not Google's metadata server")
	}
	return nil
}

// asJSON refuses other content of a response that is not an error.
func asJSON(res *http.Response) error {
	kind, _, _ := mime.ParseMediaType(res.Header.Get("Content-Type"))
	if res.StatusCode == http.StatusOK && kind != "application/json" {
		return fmt.Errorf("the answer is not JSON, but %q", kind)
	}
	return nil
}

// limited is a body that ends with an error where it is longer than what can be meant.
type limited struct {
	io.ReadCloser
	left int
}

var errTooLong = fmt.Errorf("the answer is longer than %d bytes", maxAnswer)

// Read implements io.Reader.
func (l *limited) Read(p []byte) (int, error) {
	n, err := l.ReadCloser.Read(p)
	if l.left -= n; l.left < 0 {
		return 0, errTooLong
	}
	return n, err
}

// within bounds the time for a question with its retries.
func within(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, patience)
}
