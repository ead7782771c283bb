package fetch

import (
	"errors"
	"fmt"
)

// ErrBusy tells that nothing was tried, because too many others are under way.
var ErrBusy = errors.New("no free slot")

// Error says why a document was not got. Its Reason is for anybody: it tells
// nothing of this server's network. What the network said is in the chain, for
// the log.
type Error struct {
	Reason string
	cause  error
}

func (e *Error) Error() string {
	if e.cause == nil {
		return e.Reason
	}
	return fmt.Sprintf("%s: %v", e.Reason, e.cause)
}

// Unwrap returns the cause, or nil.
func (e *Error) Unwrap() error { return e.cause }

func failed(reason string, cause error) error { return &Error{Reason: reason, cause: cause} }

// The reasons.
const (
	reasonURL = "its address is not one that is fetched"
	// Also where it may not be reached: a name in the network behind us is like none.
	reasonNoAnswer = "its site cannot be reached"
	reasonStatus   = "its site refuses to give it out"
	reasonType     = "its site gives out something else than JSON"
	reasonTooLarge = "it is too large"
	reasonBusy     = "too many documents are being fetched"
)
