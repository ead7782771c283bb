package gateway

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"

	"github.com/mcpkeep/mcpkeep/internal/logging"
	"github.com/mcpkeep/mcpkeep/internal/principal"
)

// maxMessage bounds a message of an upstream that has to be read whole.
const maxMessage = 16 << 20

// filter takes out of a response what the person may not use. Lists come in JSON, in event
// streams, and again when a stream is resumed.
func (u *Upstream) filter(ctx context.Context, response *http.Response, a asked, p principal.Principal) error {
	if !a.filters {
		return nil
	}
	source, message := response.Body, u.messageFilter(ctx, a, p)
	switch kind := mediaType(response.Header); {
	case kind == eventStream:
		response.Body = &filtered{Reader: source, events: events{message: message}, close: source}
		return nil
	case !isMessage(kind):
		response.Body, response.ContentLength = http.NoBody, 0
		return nil
	}
	content, err := u.readWhole(source)
	if err != nil {
		return err
	}
	if len(bytes.TrimSpace(content)) > 0 {
		if content, err = message(content); err != nil {
			return err
		}
	}
	response.Body, response.ContentLength = io.NopCloser(bytes.NewReader(content)), int64(len(content))
	return nil
}

// messageFilter takes out of a message what the person may not use, and learns what it says.
func (u *Upstream) messageFilter(ctx context.Context, a asked, p principal.Principal) func([]byte) ([]byte, error) {
	return func(content []byte) ([]byte, error) {
		out, listing, err := u.Rules.Filter(p, content)
		if err != nil {
			u.Logger.WarnContext(ctx, "a message of the upstream cannot be filtered", "upstream", u.Name, logging.Error, err)
			return nil, ErrBroken
		}
		if !a.learns {
			listing.ReadOnly = nil // another result that looks like a list of tools is none
		}
		u.hints.Learn(p, listing)
		return out, nil
	}
}

// readWhole reads a response that cannot be streamed.
func (u *Upstream) readWhole(source io.ReadCloser) ([]byte, error) {
	quiet := newSilence(u.Idle, func() { _ = source.Close() })
	defer quiet.stop()
	var content bytes.Buffer
	buffer := make([]byte, bufferLen)
	for {
		n, err := source.Read(buffer)
		quiet.heard()
		content.Write(buffer[:n])
		switch {
		case content.Len() > maxMessage:
			return nil, ErrBroken
		case err == io.EOF:
			return content.Bytes(), nil
		case err != nil:
			return nil, quiet.cause(err)
		}
	}
}

// filtered is an event stream of which the messages are filtered. Each Read reads from the
// source once, so that the caller notices all that comes, and no event waits.
type filtered struct {
	io.Reader
	events
	close io.Closer
	out   []byte
	err   error
}

func (f *filtered) Read(p []byte) (int, error) {
	if len(f.out) == 0 && f.err == nil {
		n, err := f.Reader.Read(p)
		out, broken := f.add(p[:n])
		f.out, f.err = out, err
		if errors.Is(err, io.EOF) && broken == nil {
			out, broken = f.rest()
			f.out = append(f.out, out...)
		}
		if broken != nil {
			f.err = broken
		}
	}
	n := copy(p, f.out)
	f.out = f.out[n:]
	if len(f.out) > 0 {
		return n, nil
	}
	return n, f.err
}

func (f *filtered) Close() error { return f.close.Close() }
