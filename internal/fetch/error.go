package fetch

import (
	"errors"
	"fmt"
)

// ErrBusy tells that nothing was tried, because too many others are under way.
var ErrBusy = errors.New("no free slot")

// Error says why a document was not got. Its Reason is for anyone: it tells
// nothing of this server's network. What the network said is in the chain, for
// the log.
type Error struct {
	Reason string
	// Away: the site could not be reached, took too long, or says that it is out of order
	// (429 and 5xx), which tells nothing about the document.
	Away bool
	// Never: the URL is refused as it is, now and later.
	Never bool
	cause error
}

func (e *Error) Error() string {
	if e.cause == nil {
		return e.Reason
	}
	return fmt.Sprintf("%s: %v", e.Reason, e.cause)
}

// Unwrap returns the cause, or nil.
func (e *Error) Unwrap() error { return e.cause }

func failed(reason string, cause error) error {
	return &Error{Reason: reason, Away: reason == reasonNoAnswer, Never: reason == reasonURL, cause: cause}
}

// The reasons.
const (
	reasonURL = "its URL is not allowed"
	// Also where it may not be reached: a name in the network behind us is like none.
	reasonNoAnswer = "its site cannot be reached"
	reasonStatus   = "its site refused the request"
	reasonType     = "its site did not return JSON"
	reasonTooLarge = "it is too large"
	reasonBusy     = "too many documents are being fetched"
)
