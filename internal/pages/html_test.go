package pages_test

import (
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// elements returns all elements of a page in document order.
func elements(t *testing.T, text string) []*html.Node {
	t.Helper()
	root, err := html.Parse(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	var nodes []*html.Node
	for n := range root.Descendants() {
		if n.Type == html.ElementNode {
			nodes = append(nodes, n)
		}
	}
	return nodes
}

func attr(n *html.Node, key string) string {
	for _, a := range n.Attr {
		if a.Key == key {
			return a.Val
		}
	}
	return ""
}

func textOf(n *html.Node) string {
	var b strings.Builder
	for d := range n.Descendants() {
		if d.Type == html.TextNode {
			b.WriteString(d.Data)
		}
	}
	return strings.Join(strings.Fields(b.String()), " ")
}

func named(nodes []*html.Node, name atom.Atom) []*html.Node {
	return slices.DeleteFunc(slices.Clone(nodes), func(n *html.Node) bool { return n.DataAtom != name })
}

func TestWellFormed(t *testing.T) {
	t.Parallel()
	for name, p := range states() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			text := body(t, p)
			checkBalanced(t, text)
			checkDocument(t, text)
		})
	}
}

// checkBalanced asserts that every tag is closed in its place: a parser fixes
// what is not, so it must be seen in the tokens.
func checkBalanced(t *testing.T, text string) {
	t.Helper()
	void := []string{"meta", "input", "img"}
	var open []string
	for z := html.NewTokenizer(strings.NewReader(text)); ; {
		switch z.Next() { //nolint:exhaustive // text, comments and the doctype open and close nothing
		case html.ErrorToken:
			if !errors.Is(z.Err(), io.EOF) || len(open) > 0 {
				t.Errorf("page ends with %v, open: %v", z.Err(), open)
			}
			return
		case html.StartTagToken:
			if tag := z.Token().Data; !slices.Contains(void, tag) {
				open = append(open, tag)
			}
		case html.EndTagToken:
			tag := z.Token().Data
			if len(open) == 0 || open[len(open)-1] != tag {
				t.Fatalf("</%s> closes %v", tag, open)
			}
			open = open[:len(open)-1]
		}
	}
}

// checkDocument asserts what holds for every page, whatever a client sent.
func checkDocument(t *testing.T, text string) {
	t.Helper()
	nodes := elements(t, text)
	for _, name := range []atom.Atom{atom.H1, atom.Main, atom.Title, atom.Style} {
		if got := len(named(nodes, name)); got != 1 {
			t.Errorf("page has %d <%s>, want 1", got, name)
		}
	}
	if got := attr(named(nodes, atom.Html)[0], "lang"); got != "en" {
		t.Errorf("lang = %q", got)
	}
	if textOf(named(nodes, atom.Title)[0]) == "" || textOf(named(nodes, atom.H1)[0]) == "" {
		t.Error("title or heading is empty")
	}
	ids := map[string]*html.Node{}
	for _, n := range nodes {
		checkInert(t, n)
		if id := attr(n, "id"); id != "" {
			if ids[id] != nil {
				t.Errorf("id %q is used twice", id)
			}
			ids[id] = n
		}
	}
	checkReferences(t, nodes, ids)
}

// checkInert asserts that an element neither runs nor loads anything.
func checkInert(t *testing.T, n *html.Node) {
	t.Helper()
	allowed := []atom.Atom{
		atom.Html, atom.Head, atom.Meta, atom.Title, atom.Style, atom.Body, atom.Header, atom.Main, atom.Section,
		atom.Div, atom.Span, atom.P, atom.H1, atom.H2, atom.Strong, atom.Bdi, atom.Ul, atom.Li, atom.Dl, atom.Dt, atom.Dd,
		atom.Details, atom.Summary, atom.Form, atom.Label, atom.Input, atom.Button, atom.A, atom.Time,
		atom.Nav, atom.Footer, atom.H3, atom.Select, atom.Option, atom.Img, atom.Fieldset, atom.Legend,
	}
	if !slices.Contains(allowed, n.DataAtom) {
		t.Errorf("page has <%s>", n.Data)
	}
	for _, a := range n.Attr {
		switch {
		case n.DataAtom == atom.Img && a.Key == "src" && a.Val == "/logo":
		case strings.HasPrefix(a.Key, "on"), a.Key == "style", a.Key == "src", a.Key == "srcset", a.Key == "http-equiv":
			t.Errorf("<%s> has %s=%q", n.Data, a.Key, a.Val)
		case a.Key == "href" && n.DataAtom != atom.A:
			t.Errorf("<%s> links to %q", n.Data, a.Val)
		}
	}
}

// checkReferences asserts that fields have labels and that ARIA references
// lead somewhere.
func checkReferences(t *testing.T, nodes []*html.Node, ids map[string]*html.Node) {
	t.Helper()
	labelled := map[string]bool{}
	for _, n := range named(nodes, atom.Label) {
		labelled[attr(n, "for")] = textOf(n) != ""
	}
	for _, n := range nodes {
		field := n.DataAtom == atom.Input && attr(n, "type") != "hidden" || n.DataAtom == atom.Select
		if field && !labelled[attr(n, "id")] {
			t.Errorf("input %q has no label", attr(n, "name"))
		}
		for _, key := range []string{"aria-describedby", "aria-labelledby"} {
			for _, id := range strings.Fields(attr(n, key)) {
				if target := ids[id]; target == nil || textOf(target) == "" {
					t.Errorf("%s=%q leads nowhere", key, id)
				}
			}
		}
	}
}
