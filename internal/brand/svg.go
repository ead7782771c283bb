package brand

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/mcpkeep/mcpkeep/internal/display"
)

// Names of XML namespaces (SVG 2 and XLink 1.1).
const (
	svgSpace   = "http://www.w3.org/2000/svg"
	xlinkSpace = "http://www.w3.org/1999/xlink"
	xmlSpace   = "http://www.w3.org/XML/1998/namespace"
)

// ErrUnsafe says what an SVG image has that a logo does not need.
var ErrUnsafe = errors.New("plain shapes only")

func unsafeSVG(format string, args ...any) error {
	return fmt.Errorf("%s is not allowed in it: %w", fmt.Sprintf(format, args...), ErrUnsafe)
}

// Bounds of an SVG image.
const (
	maxDepth    = 32
	maxElements = 5000
)

// cleanSVG returns an SVG image with the elements, attributes and values that are known to
// be harmless. Anything else is an error rather than left out: the logo would look different.
func cleanSVG(data []byte) ([]byte, error) {
	c := cleaner{decoder: xml.NewDecoder(bytes.NewReader(data))}
	c.decoder.Strict = true
	for {
		token, err := c.decoder.RawToken()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, ErrNoImage
		}
		if err := c.add(token); err != nil {
			return nil, err
		}
	}
	if len(c.open) > 0 || c.elements == 0 {
		return nil, ErrNoImage
	}
	return c.out.Bytes(), nil
}

// cleaner rewrites an SVG image, token by token. It takes no prefixes but xlink and xml,
// which makes names unambiguous without a look at namespaces.
type cleaner struct {
	decoder  *xml.Decoder
	out      bytes.Buffer
	open     []string // elements
	style    strings.Builder
	elements int
}

func (c *cleaner) add(token xml.Token) error {
	switch t := token.(type) {
	case xml.StartElement:
		return c.start(t)
	case xml.EndElement:
		return c.end(t)
	case xml.CharData:
		return c.text(t)
	case xml.Directive:
		return unsafeSVG("<!%.20s…>", t)
	case xml.ProcInst:
		if t.Target != "xml" {
			return unsafeSVG("<?%s?>", display.Line(t.Target, maxShown))
		}
	}
	return nil // comments are left out
}

// maxShown bounds what of the file is in an error.
const maxShown = 40

func nameOf(n xml.Name) string {
	if n.Space == "" {
		return n.Local
	}
	return n.Space + ":" + n.Local
}

func (c *cleaner) start(t xml.StartElement) error {
	name := nameOf(t.Name)
	if c.elements++; c.elements > maxElements || len(c.open) == maxDepth {
		return unsafeSVG("so much")
	}
	root := len(c.open) == 0
	switch {
	case root && (name != "svg" || c.elements > 1):
		return ErrNoImage
	case !elements[name]:
		return unsafeSVG("<%s>", display.Line(name, maxShown))
	case !root && c.open[len(c.open)-1] == "style":
		return unsafeSVG("<%s> in <style>", name)
	}
	c.open = append(c.open, name)
	c.out.WriteString("<" + name)
	if root {
		c.out.WriteString(` xmlns="` + svgSpace + `" xmlns:xlink="` + xlinkSpace + `"`)
	}
	seen := map[string]bool{}
	for _, a := range t.Attr {
		if err := c.attribute(root, nameOf(a.Name), a.Value, seen); err != nil {
			return err
		}
	}
	c.out.WriteByte('>')
	return nil
}

func (c *cleaner) attribute(root bool, name, value string, seen map[string]bool) error {
	if seen[name] {
		return ErrNoImage
	}
	seen[name] = true
	if space, declares := spaces[name]; declares {
		if !root || value != space {
			return unsafeSVG("%s=%q", name, display.Line(value, maxShown))
		}
		return nil
	}
	check := attributes[name]
	if check == nil {
		return unsafeSVG("the attribute %s", display.Line(name, maxShown))
	}
	if !check(value) {
		return unsafeSVG("%s=%q", name, display.Line(value, maxShown))
	}
	c.out.WriteString(" " + name + `="`)
	_ = xml.EscapeText(&c.out, []byte(value)) // to memory
	c.out.WriteByte('"')
	return nil
}

func (c *cleaner) end(t xml.EndElement) error {
	name := nameOf(t.Name)
	if len(c.open) == 0 || c.open[len(c.open)-1] != name {
		return ErrNoImage
	}
	if name == "style" {
		sheet := c.style.String()
		c.style.Reset()
		if !plainStyle(sheet) {
			return unsafeSVG("something in <style>")
		}
		_ = xml.EscapeText(&c.out, []byte(sheet))
	}
	c.open = c.open[:len(c.open)-1]
	c.out.WriteString("</" + name + ">")
	return nil
}

// text keeps texts where they are read or shown.
func (c *cleaner) text(t xml.CharData) error {
	parent := ""
	if len(c.open) > 0 {
		parent = c.open[len(c.open)-1]
	}
	switch {
	case parent == "style":
		c.style.Write(t)
	case withText[parent]:
		_ = xml.EscapeText(&c.out, t)
	case len(bytes.Trim(t, "\ufeff \t\r\n")) > 0:
		return ErrNoImage
	}
	return nil
}
