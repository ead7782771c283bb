package server

import (
	"context"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/mcpkeep/mcpkeep/internal/pages"
)

const (
	// adminRows is how many rows a page shows.
	adminRows = 50
	// Names are encrypted, so that a filter reads rows, adminChunk at a time and not more than
	// adminRead for a page.
	adminChunk = 200
	adminRead  = 2000
)

var errNoSuchPage = &pageError{
	status: http.StatusBadRequest, title: "There is no such page", message: "The link that led here is incomplete or changed.",
	next: &pages.Link{Text: "Administration", Href: adminPath},
}

// listing is a page of rows. next is the ID after which the next page begins, "" at the end.
type listing[T any] struct {
	rows []T
	next string
	read int // rows that the filter looked at
}

// list returns a page of the rows after an ID that keep selects; nil selects all.
func list[T any](
	ctx context.Context, after string, read func(ctx context.Context, after string, limit int) ([]T, error),
	id func(T) string, keep func(T) bool,
) (l listing[T], err error) {
	chunk := adminRows + 1
	if keep != nil {
		chunk = adminChunk
	}
	for last := after; l.read < adminRead; {
		rows, err := read(ctx, last, chunk)
		if err != nil {
			return l, err
		}
		for _, row := range rows {
			if keep == nil || keep(row) {
				if len(l.rows) == adminRows {
					l.next = last
					return l, nil
				}
				l.rows = append(l.rows, row)
			}
			last = id(row)
			l.read++
		}
		if len(rows) < chunk {
			return l, nil
		}
		l.next = last
	}
	return l, nil
}

// showMore adds the links to the next page and back to the first one, with the filter in values.
func showMore(page *pages.Admin, path string, values url.Values, cursor, next string) {
	kept := maps.Clone(values)
	kept.Del(cursor)
	if values.Has(cursor) {
		page.First = &pages.Link{Text: "Back to the beginning", Href: withQuery(path, kept)}
	}
	if next != "" {
		kept.Set(cursor, next)
		page.Next = &pages.Link{Text: "Show more", Href: withQuery(path, kept)}
	}
}

// withQuery is a path with those parameters that have a value.
func withQuery(path string, values url.Values) string {
	kept := url.Values{}
	for name, list := range values {
		if len(list) > 0 && list[0] != "" {
			kept.Set(name, list[0])
		}
	}
	if len(kept) == 0 {
		return path
	}
	return path + "?" + kept.Encode()
}

// only returns the parameters with these names.
func only(values url.Values, names ...string) url.Values {
	kept := maps.Clone(values)
	maps.DeleteFunc(kept, func(name string, _ []string) bool { return !slices.Contains(names, name) })
	return kept
}

// contains reports whether one of the texts contains part, in any case.
func contains(part string, texts ...string) bool {
	part = strings.ToLower(part)
	return slices.ContainsFunc(texts, func(text string) bool { return strings.Contains(strings.ToLower(text), part) })
}

// linkTo is a link to a page with one parameter.
func linkTo(text, path, name, value string) pages.Link {
	return pages.Link{Text: text, Href: withQuery(path, url.Values{name: {value}})}
}
