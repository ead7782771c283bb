package gcp

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"
)

// SecretError is a secret that is not available. It holds nothing of a value or a token.
type SecretError struct {
	Name    Name
	Problem string // what is wrong
	Fix     string // the command that fixes it, "" if there is none
	passing bool   // another attempt may go well
}

// Error implements error.
func (e *SecretError) Error() string {
	text := Prefix + e.Name.text + ": " + e.Problem
	if e.Fix != "" {
		text += "; `" + e.Fix + "` fixes it"
	}
	return text
}

// refusal reads an error of Google's REST APIs (google.rpc.Status). account is the email
// address of the service account.
func refusal(n Name, account string, status int, body []byte) *SecretError {
	var answer struct {
		Error struct {
			Status  string `json:"status"`
			Message string `json:"message"`
			Details []struct {
				Reason string `json:"reason"`
			} `json:"details"`
		} `json:"error"`
	}
	_ = json.Unmarshal(body, &answer) // an unknown body leaves the status
	e := &SecretError{Name: n}
	for _, d := range answer.Error.Details {
		switch d.Reason {
		case "SERVICE_DISABLED":
			e.Problem = "the API of Secret Manager is off in this project"
			e.Fix = "gcloud services enable secretmanager.googleapis.com --project " + n.Project
			return e
		case "ACCESS_TOKEN_SCOPE_INSUFFICIENT":
			e.Problem = "the access scopes of this machine leave Secret Manager out: give it the scope " + ScopeCloud
			return e
		}
	}
	switch status {
	case http.StatusForbidden:
		e.Problem = "the service account lacks secretmanager.versions.access, which the role roles/secretmanager.secretAccessor has"
		e.Fix = "gcloud secrets add-iam-policy-binding " + n.arguments() + " --member serviceAccount:" + account + " --role roles/secretmanager.secretAccessor"
	case http.StatusNotFound:
		e.Problem = "there is no such secret or version"
	case http.StatusUnauthorized:
		e.Problem = "Google does not accept the access token of this service account, which may be disabled"
		e.Fix = "gcloud iam service-accounts enable " + account
	case http.StatusBadRequest:
		e.Problem = e.unusable(answer.Error.Message)
	case http.StatusTooManyRequests:
		e.Problem, e.passing = "the quota of Secret Manager is used up", true
	default:
		e.Problem, e.passing = "Secret Manager answers "+http.StatusText(status), status >= http.StatusInternalServerError
	}
	return e
}

// arguments are the secret's name and place for gcloud.
func (n Name) arguments() string {
	text := n.Secret + " --project " + n.Project
	if n.location != "" {
		text += " --location " + n.location
	}
	return text
}

// unusable tells the states of a version apart that Secret Manager refuses with one code.
func (e *SecretError) unusable(message string) string {
	switch version := "version " + e.Name.Version; {
	case strings.Contains(message, "DISABLED"):
		e.Fix = "gcloud secrets versions enable " + e.Name.Version + " --secret " + e.Name.arguments()
		return version + " is disabled"
	case strings.Contains(message, "DESTROYED"):
		return version + " is destroyed: name one that is there"
	default:
		return version + " cannot be read in its state"
	}
}

// errSlow is said of a service that is there, and too slow.
var errSlow = errors.New("it does not answer in time")

// plain returns an error without the URL that net/http puts before it.
func plain(err error) error {
	if errors.Is(err, context.DeadlineExceeded) {
		return errSlow
	}
	var inURL *url.Error
	if errors.As(err, &inURL) {
		return inURL.Err
	}
	return err
}
