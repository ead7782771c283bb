package rules

import (
	"bytes"
	"errors"

	"github.com/mcpkeep/mcpkeep/internal/principal"
)

// ErrUnreadable is what a message of a server gets that cannot be filtered.
var ErrUnreadable = errors.New("a message of the server is not valid JSON")

// Listing is what a server said of its tools in a message.
type Listing struct {
	ReadOnly map[string]bool // by tool; nil without a list of tools
	Changed  bool            // the server says that its list of tools has changed
	Next     string          // cursor of the next page; "" on the last one
}

// Filter takes out of a message from the server, or of a batch, what the person may not use:
// entries of lists, whichever request they answer, and notices about resources. Lists that
// remain are private to the person. It returns the message as it is where it changes nothing,
// and nil when nothing is left. The error is ErrUnreadable.
func (p *Policy) Filter(who principal.Principal, message []byte) ([]byte, Listing, error) {
	var l Listing
	document, ok := read(message)
	if !ok {
		return nil, l, ErrUnreadable
	}
	f := filter{policy: p, who: who, text: document, listing: &l}
	root := f.root()
	if f.raw[root.start] != '[' {
		if !f.message(root) {
			return nil, l, nil
		}
		return f.edited(), l, nil
	}
	elements := f.elements(root)
	if left := f.array(elements, f.message); left == 0 && len(elements) > 0 {
		return nil, l, nil
	}
	return f.edited(), l, nil
}

// filter is the work on one message.
type filter struct {
	text
	policy  *Policy
	who     principal.Principal
	listing *Listing
	edits   []edit // in their order
}

type edit struct {
	span
	with string
}

func (f *filter) edited() []byte {
	if len(f.edits) == 0 {
		return f.raw
	}
	var out bytes.Buffer
	at := 0
	for _, e := range f.edits {
		out.Write(f.raw[at:e.start])
		out.WriteString(e.with)
		at = e.end
	}
	out.Write(f.raw[at:])
	return out.Bytes()
}

// array takes the elements out of an array that are not to be kept, and returns how many are.
func (f *filter) array(elements []span, keep func(span) bool) (kept int) {
	for i, e := range elements {
		edits := len(f.edits)
		if keep(e) {
			kept++
			continue
		}
		f.edits = f.edits[:edits]
		switch {
		case kept > 0: // with the comma before it
			e.start = elements[i-1].end
		case i+1 < len(elements): // with the comma behind it
			e.end = elements[i+1].start
		}
		f.edits = append(f.edits, edit{span: e})
	}
	return kept
}
