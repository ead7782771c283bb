package mcpserver

import (
	"bytes"
	"encoding/base64"
	"unicode/utf8"

	"github.com/mark3labs/mcp-go/mcp"
)

const (
	defaultLimit = 50
	maxLimit     = 100
	maxCursor    = 4096
)

// page is the part of a list that a call asks for: up to limit entries after an id.
type page struct {
	after string
	limit int
}

// pageArguments declares the arguments of a list.
func pageArguments() mcp.ToolOption {
	return func(t *mcp.Tool) {
		mcp.WithInteger("limit", mcp.Description("Maximum number of entries to return."),
			mcp.Min(1), mcp.Max(maxLimit), mcp.DefaultNumber(defaultLimit))(t)
		mcp.WithString("cursor",
			mcp.Description("next_cursor from the previous response, unchanged. Omit it to start at the beginning."),
			mcp.MinLength(1), mcp.MaxLength(maxCursor), mcp.Pattern("^[A-Za-z0-9_-]+$"))(t)
	}
}

// pageOf reads the arguments of a list. A cursor is the id of the last entry
// seen, encoded so that no one is tempted to make one.
func pageOf(r mcp.CallToolRequest) (page, error) {
	after, err := base64.RawURLEncoding.DecodeString(r.GetString("cursor", ""))
	if err != nil || !utf8.Valid(after) || bytes.ContainsRune(after, 0) {
		return page{}, refusal("Invalid cursor. Pass next_cursor from the previous response unchanged, or omit it to start at the beginning.")
	}
	return page{after: string(after), limit: r.GetInt("limit", defaultLimit)}, nil
}

// probe is how many entries to ask the store for: one more than wanted tells
// whether there are further ones.
func (p page) probe() int { return p.limit + 1 }

// cutPage cuts the entries to the page, and returns the cursor of the next one
// if there is one.
func cutPage[T any](p page, entries []T, id func(T) string) ([]T, string) {
	if len(entries) <= p.limit {
		return entries, ""
	}
	entries = entries[:p.limit]
	return entries, base64.RawURLEncoding.EncodeToString([]byte(id(entries[p.limit-1])))
}
