package oauth

import (
	"encoding/json"
	"strings"
)

// Code is an error code as it goes over the wire.
type Code string

// Error codes of RFC 6749 §4.1.2.1 and §5.2, RFC 6750 §3.1, RFC 7591 §3.2.2 and
// RFC 8707 §2.
const (
	InvalidRequest          Code = "invalid_request"
	InvalidClient           Code = "invalid_client"
	InvalidGrant            Code = "invalid_grant"
	UnauthorizedClient      Code = "unauthorized_client"
	UnsupportedGrantType    Code = "unsupported_grant_type"
	UnsupportedResponseType Code = "unsupported_response_type"
	InvalidScope            Code = "invalid_scope"
	InvalidTarget           Code = "invalid_target"
	AccessDenied            Code = "access_denied"
	ServerError             Code = "server_error"
	TemporarilyUnavailable  Code = "temporarily_unavailable"
	InvalidRedirectURI      Code = "invalid_redirect_uri"
	InvalidClientMetadata   Code = "invalid_client_metadata"
	InvalidToken            Code = "invalid_token"
	InsufficientScope       Code = "insufficient_scope"
)

// UnknownHost is a code of ours: the request names a host that is not this server's.
const UnknownHost Code = "unknown_host"

// statuses holds the HTTP status of each code that is not answered with 400.
var statuses = map[Code]int{
	InvalidClient:          401,
	InvalidToken:           401,
	AccessDenied:           403,
	UnknownHost:            403,
	InsufficientScope:      403,
	ServerError:            500,
	TemporarilyUnavailable: 503,
}

// Error is an error that a client is told about. Its JSON form is the body of
// RFC 6749 §5.2.
type Error struct {
	Code Code
	// Description is for developers. It is a constant of the program and quotes
	// nothing of the request.
	Description string
	Status      int // of the HTTP answer

	cause error
}

// NewError returns an error with the HTTP status of its code. Characters that a
// description may not have (RFC 6749 §5.2) are left out.
func NewError(code Code, description string) *Error {
	status, ok := statuses[code]
	if !ok {
		status = 400
	}
	return &Error{Code: code, Description: printable(description), Status: status}
}

// Wrap returns a copy of the error with a cause, for the log and errors.Is. The
// client is not told about it.
func (e *Error) Wrap(cause error) *Error {
	wrapped := *e
	wrapped.cause = cause
	return &wrapped
}

// Error is the text for the log, cause included.
func (e *Error) Error() string {
	text := string(e.Code) + ": " + e.Description
	if e.cause != nil {
		text += ": " + e.cause.Error()
	}
	return text
}

// Unwrap returns the cause, or nil.
func (e *Error) Unwrap() error { return e.cause }

// MarshalJSON writes the members error and, unless empty, error_description.
func (e Error) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Code        Code   `json:"error"`
		Description string `json:"error_description,omitempty"`
	}{e.Code, printable(e.Description)})
}

// printable leaves the characters %x20-21 / %x23-5B / %x5D-7E that RFC 6749 and
// RFC 6750 allow: what is left needs no escaping in JSON or a quoted string.
func printable(s string) string {
	return strings.Map(func(c rune) rune {
		switch {
		case c == '"':
			return '\''
		case c < 0x20 || c > 0x7e || c == '\\':
			return -1
		}
		return c
	}, s)
}
