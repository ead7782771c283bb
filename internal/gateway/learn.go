package gateway

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/principal"
	"github.com/mcpkeep/mcpkeep/internal/rules"
)

const (
	// learnWithin bounds how long the upstream is asked about its tools, for which a call waits.
	learnWithin = 30 * time.Second
	maxPages    = 100
)

var errNoHints = &problem{http.StatusBadGateway, CodeServerError, "The MCP server behind this address does not say which of its tools only read. The operator allows only such tools."}

// learn asks the upstream which of its tools are read-only, for the caller and in the
// caller's session: no other replica needs to say what it heard, and nothing is lost by a
// restart.
func (u *Upstream) learn(r *http.Request, header http.Header, p principal.Principal, meta []byte) error {
	ctx, cancel := context.WithTimeout(r.Context(), learnWithin)
	defer cancel()
	header = header.Clone()
	if header["Mcp-Method"] != nil {
		header["Mcp-Method"] = []string{"tools/list"}
	}
	for name := range header {
		if name == "Mcp-Name" || strings.HasPrefix(name, paramPrefix) {
			delete(header, name)
		}
	}
	if err := u.Vouch(ctx, header, p); err != nil { // an assertion is for one request
		return err
	}
	cursor := ""
	for range maxPages {
		l, err := u.listTools(r.WithContext(ctx), header, p, meta, cursor)
		if err != nil {
			return err
		}
		u.hints.Learn(p, l)
		if cursor = l.Next; cursor == "" {
			return nil
		}
	}
	return errNoHints
}

// listTools asks for a page of the list of tools.
func (u *Upstream) listTools(r *http.Request, header http.Header, p principal.Principal, meta []byte, cursor string) (l rules.Listing, _ error) {
	content, err := json.Marshal(listRequest(meta, cursor))
	if err != nil {
		return l, err
	}
	r.ContentLength = int64(len(content))
	response, err := u.ask(r, header, &body{source: bytes.NewReader(content), keep: len(content)})
	if err != nil {
		return l, err
	}
	defer func() { _ = response.Body.Close() }()
	switch response.StatusCode {
	case http.StatusOK:
	case http.StatusNotFound, http.StatusBadRequest:
		return l, ErrNoSession // what makes clients begin again
	default:
		return l, errNoHints
	}
	return u.readListing(response, p)
}

// listRequest is a request for a page. What a request says of its client in each message is
// what the call said (MCP 2026-07-28), except for where to report progress.
func listRequest(meta []byte, cursor string) any {
	params := map[string]any{}
	var all map[string]json.RawMessage
	if json.Unmarshal(meta, &all) == nil && len(all) > 0 {
		delete(all, "progressToken")
		params["_meta"] = all
	}
	if cursor != "" {
		params["cursor"] = cursor
	}
	return map[string]any{"jsonrpc": "2.0", "id": "mcpkeep-" + rand.Text(), "method": "tools/list", "params": params}
}

// readListing reads the response, in JSON or up to its event.
func (u *Upstream) readListing(response *http.Response, p principal.Principal) (found rules.Listing, _ error) {
	message := func(content []byte) ([]byte, error) {
		_, l, err := u.Rules.Filter(p, content)
		if err != nil {
			return nil, ErrBroken
		}
		if l.ReadOnly != nil {
			found = l
		}
		return nil, nil
	}
	if mediaType(response.Header) != eventStream {
		content, err := u.readWhole(response.Body)
		if err == nil {
			_, err = message(content)
		}
		return found, orNoHints(found, err)
	}
	stream := events{message: message}
	buffer := make([]byte, bufferLen)
	for found.ReadOnly == nil {
		n, err := response.Body.Read(buffer)
		if _, broken := stream.add(buffer[:n]); broken != nil {
			return found, broken
		}
		if err == io.EOF {
			break
		}
		if err != nil {
			return found, err
		}
	}
	return found, orNoHints(found, nil)
}

func orNoHints(found rules.Listing, err error) error {
	if err == nil && found.ReadOnly == nil {
		return errNoHints
	}
	return err
}
