package gcp

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"strings"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/google"
)

// envCredentials names the file of application-default credentials, as in Google's libraries.
const envCredentials = "GOOGLE_APPLICATION_CREDENTIALS" //nolint:gosec // a name

// credentialsFile is where application-default credentials are, "" for nowhere.
func credentialsFile() string {
	if file := os.Getenv(envCredentials); file != "" {
		return file
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return ""
	}
	file := filepath.Join(home, ".config", "gcloud", "application_default_credentials.json")
	if _, err := os.Stat(file); err != nil {
		return ""
	}
	return file
}

// Account returns the email address of the service account whose tokens [Client.Token] returns.
func (c *Client) Account(ctx context.Context) (string, error) {
	if file := credentialsFile(); file != "" {
		return fileAccount(file)
	}
	return c.tells(ctx, "instance/service-accounts/default/email")
}

// fileAccount reads whose credentials a file has: those of a service account, or those of someone
// who acts as one.
func fileAccount(file string) (string, error) {
	content, err := os.ReadFile(file) //nolint:gosec // the operator's own path
	if err != nil {
		return "", err
	}
	var found struct {
		Email string `json:"client_email"`
		ActAs string `json:"service_account_impersonation_url"` // …/serviceAccounts/EMAIL:generateAccessToken
	}
	_ = json.Unmarshal(content, &found) // what is no JSON has no service account
	if found.Email != "" {
		return found.Email, nil
	}
	if email, _, ok := strings.Cut(path.Base(found.ActAs), ":"); ok && strings.Contains(email, "@") {
		return email, nil
	}
	return "", fmt.Errorf("%s does not hold the credentials of a service account", file)
}

// fileToken asks with application-default credentials.
func (c *Client) fileToken(ctx context.Context, file, scope string) (*oauth2.Token, error) {
	content, err := os.ReadFile(file) //nolint:gosec // the operator's own path
	if err != nil {
		return nil, err
	}
	ctx = context.WithValue(ctx, oauth2.HTTPClient, c.tokenServer)
	found, err := google.CredentialsFromJSON(ctx, content, scope) //nolint:staticcheck // the operator's own file
	if err != nil {
		return nil, fmt.Errorf("%s does not hold credentials of Google", file)
	}
	t, err := found.TokenSource.Token()
	if err != nil {
		return nil, fmt.Errorf("with the credentials in %s: %w", file, refusedToken(err))
	}
	return t, nil
}

// longestReason is as much of a token server's answer as fits into a line.
const longestReason = 200

// refusedToken is what a token server says, without the answer around it.
func refusedToken(err error) error {
	var refused *oauth2.RetrieveError
	if !errors.As(err, &refused) || refused.Response == nil {
		return errors.New(short(plain(err).Error()))
	}
	var answer struct {
		Code   string `json:"error"`
		Reason string `json:"error_description"`
	}
	_ = json.Unmarshal(refused.Body, &answer) // an unknown body leaves the status
	return errors.New(short(fmt.Sprint("the token server answers ", refused.Response.StatusCode, " ", answer.Code, " ", answer.Reason)))
}

// short is a text that fits into a line.
func short(text string) string {
	text = strings.Join(strings.Fields(text), " ")
	return strings.ToValidUTF8(text[:min(len(text), longestReason)], "")
}

// noPage refuses a page where a token is expected.
func noPage(res *http.Response) error {
	if res.StatusCode == http.StatusOK && strings.HasPrefix(res.Header.Get("Content-Type"), "text/html") {
		return errors.New("the answer is a page, not a token")
	}
	return nil
}
