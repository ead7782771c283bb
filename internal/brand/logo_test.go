package brand_test

import (
	"bytes"
	"errors"
	"image"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mcpkeep/mcpkeep/internal/brand"
)

// svg is an image with some content.
func svg(content string) string {
	return `<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" viewBox="0 0 24 24">` + content + `</svg>`
}

func pngOf(t *testing.T, width, height int) string {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, image.NewGray(image.Rect(0, 0, width, height))); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestLogo: images as drawing programs export them are taken.
func TestLogo(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ file, media, holds string }{
		"png":       {pngOf(t, 64, 32), "image/png", "IHDR"},
		"path":      {svg(`<path d="M12 2L2 7l10 5z" fill="#0b6152"/>`), "image/svg+xml", `d="M12 2L2 7l10 5z"`},
		"prologue":  {`<?xml version="1.0" encoding="UTF-8"?>` + "\n<!-- made by hand -->\n" + svg(`<g/>`), "image/svg+xml", "<g></g></svg>"},
		"classes":   {svg(`<defs><style>.a{fill:#fff;stroke:url(#b)} g > .c{opacity:.5}</style></defs>`), "image/svg+xml", "stroke:url(#b)"},
		"cdata":     {svg(`<style type="text/css"><![CDATA[.a{fill:red}]]></style>`), "image/svg+xml", ".a{fill:red}"},
		"gradient":  {svg(`<linearGradient id="a" xlink:href="#b"><stop offset="0" stop-color="rgb(1, 2, 3)"/></linearGradient><path fill="url( '#a' )"/>`), "image/svg+xml", `xlink:href="#b"`},
		"use":       {svg(`<symbol id="s"><circle r="2"/></symbol><use href="#s" transform="rotate (45) translate(1,-2)"/>`), "image/svg+xml", `href="#s"`},
		"text":      {svg(`<title>A &lt;b&gt; &#38; c</title><text font-family="'Open Sans', sans-serif">x/y @ z</text>`), "image/svg+xml", "A &lt;b&gt; &amp; c"},
		"namespace": {`<svg xmlns:svg="http://www.w3.org/2000/svg"></svg>`, "image/svg+xml", `xmlns="http://www.w3.org/2000/svg"`},
	} {
		got, err := brand.ParseLogo([]byte(tt.file))
		if err != nil || got.Type != tt.media || !strings.Contains(string(got.Image), tt.holds) {
			t.Errorf("%s: %v, %+v", name, err, got)
			continue
		}
		if again, err := brand.ParseLogo(got.Image); err != nil || !bytes.Equal(again.Image, got.Image) {
			t.Errorf("%s: what is served is not taken again: %v\n%s", name, err, got.Image)
		}
	}
}

// TestDangerousLogo: what runs, embeds, links, moves or loads is refused, and said.
func TestDangerousLogo(t *testing.T) {
	t.Parallel()
	for content, says := range map[string]string{
		`<script>alert(1)</script>`: "<script>",
		`<script href="#a"/>`:       "<script>",
		`<SCRIPT/>`:                 "<SCRIPT>",
		`<x:script xmlns:x="http://www.w3.org/2000/svg"/>`:                            "<x:script>",
		`<foreignObject><body xmlns="http://www.w3.org/1999/xhtml"/></foreignObject>`: "<foreignObject>",
		`<g onload="alert(1)"/>`:  "onload",
		`<g OnClick="alert(1)"/>`: "OnClick",
		`<image href="#a"/>`:      "<image>",
		`<feImage href="#a"/>`:    "<feImage>",
		`<a href="#a"/>`:          "<a>",
		`<animate attributeName="href" to="javascript:alert(1)"/>`: "<animate>",
		`<set attributeName="onload"/>`:                            "<set>",
		`<iframe/>`:                                                "<iframe>",
		`<use href="https://evil.example/x.svg#a"/>`:               "href",
		`<use xlink:href="data:image/svg+xml,x"/>`:                 "xlink:href",
		`<use href="javascript:alert(1)"/>`:                        "href",
		`<use href="x.svg#a"/>`:                                    "href",
		`<g fill="url(https://evil.example/a)"/>`:                  "fill",
		`<g fill="url(a.svg)"/>`:                                   "fill",
		`<g fill="url(a.svg#b)"/>`:                                 "fill",
		`<g fill="URL(&#34;a.svg&#34;)"/>`:                         "fill",
		`<g fill="rgb(url(a.svg))"/>`:                              "fill",
		`<g style="fill:u\72l(a)"/>`:                               "style",
		`<g style="fill:url/**/(a)"/>`:                             "style",
		`<g style="background:image-set('a' 1x)"/>`:                "style",
		`<g style="width:expression(alert)"/>`:                     "style",
		`<style>@import 'a.css';</style>`:                          "<style>",
		`<style>@import url(#a);</style>`:                          "<style>",
		`<style>a{fill:url(b.svg)}</style>`:                        "<style>",
		`<style>a{fill:url(<![CDATA[b.svg]]>)}</style>`:            "<style>",
		`<style>a{fill:u<!-- -->rl(b.svg)}</style>`:                "<style>",
		`<style><g/></style>`:                                      "<style>",
		`<style type="text/less">a</style>`:                        "type",
		`<g xmlns="http://www.w3.org/1999/xhtml"/>`:                "xmlns",
		`<g xmlns:xlink="urn:other"/>`:                             "xmlns:xlink",
		`<g xml:base="https://evil.example/"/>`:                    "xml:base",
		`<g filter="url(#a)"/>`:                                    "filter",
		`<?xml-stylesheet href="a.css"?>`:                          "<?xml-stylesheet?>",
		strings.Repeat("<g>", 40) + strings.Repeat("</g>", 40):     "so much",
		strings.Repeat("<g/>", 6000):                               "so much",
	} {
		_, err := brand.ParseLogo([]byte(svg(content)))
		if !errors.Is(err, brand.ErrUnsafe) || !strings.Contains(err.Error(), says) || len(err.Error()) > 200 {
			t.Errorf("%.80s: %v", content, err)
		}
	}
	for _, before := range []string{
		`<!DOCTYPE svg [<!ENTITY a "b">]>`, `<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "https://www.w3.org/x.dtd">`, `<!ENTITY a SYSTEM "file:///etc/passwd">`,
	} {
		if _, err := brand.ParseLogo([]byte(before + svg(""))); !errors.Is(err, brand.ErrUnsafe) || !strings.Contains(err.Error(), "<!") {
			t.Errorf("%s: %v", before, err)
		}
	}
}

// TestNoLogo: what is no image, or is too large, is refused.
func TestNoLogo(t *testing.T) {
	t.Parallel()
	damaged := pngOf(t, 64, 64)
	for name, tt := range map[string]struct {
		file string
		want error
	}{
		"empty":           {"", brand.ErrNoImage},
		"text":            {"hello", brand.ErrNoImage},
		"jpeg":            {"\xff\xd8\xff\xe0JFIF", brand.ErrNoImage},
		"page":            {"<html><body></body></html>", brand.ErrNoImage},
		"two roots":       {svg("") + svg(""), brand.ErrNoImage},
		"not closed":      {"<svg><g></svg>", brand.ErrNoImage},
		"cut":             {"<svg><g>", brand.ErrNoImage},
		"closed":          {"</svg>", brand.ErrNoImage},
		"twice":           {`<svg id="a" id="b"/>`, brand.ErrNoImage},
		"entity":          {"<svg>&a;</svg>", brand.ErrNoImage},
		"text in it":      {"<svg>text</svg>", brand.ErrNoImage},
		"text after it":   {svg("") + "x", brand.ErrNoImage},
		"charset":         {`<?xml version="1.0" encoding="UTF-7"?><svg/>`, brand.ErrNoImage},
		"png's beginning": {damaged[:20], brand.ErrNoImage},
		"damaged png":     {damaged[:len(damaged)-20], brand.ErrNoImage},
		"large":           {svg(strings.Repeat(" ", brand.MaxLogo)), brand.ErrTooLarge},
		"wide":            {pngOf(t, 2049, 1), brand.ErrPixels},
		"high":            {pngOf(t, 1, 2049), brand.ErrPixels},
	} {
		if got, err := brand.ParseLogo([]byte(tt.file)); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, want %v: %.100v", name, err, tt.want, got)
		}
	}
	full := svg("")
	full += strings.Repeat(" ", brand.MaxLogo-len(full))
	if _, err := brand.ParseLogo([]byte(full)); err != nil {
		t.Errorf("of the allowed size: %v", err)
	}
}

func TestReadLogo(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "logo.svg")
	if err := os.WriteFile(path, []byte(svg("")), 0o600); err != nil {
		t.Fatal(err)
	}
	if logo, err := brand.ReadLogo(path); err != nil || logo.Type != "image/svg+xml" {
		t.Errorf("%+v, %v", logo, err)
	}
	for _, path := range []string{dir, filepath.Join(dir, "none.svg")} {
		if _, err := brand.ReadLogo(path); err == nil || strings.Contains(err.Error(), dir) {
			t.Errorf("%s: %v", path, err)
		}
	}
	large := filepath.Join(dir, "large.svg")
	if err := os.WriteFile(large, make([]byte, brand.MaxLogo+10), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := brand.ReadLogo(large); !errors.Is(err, brand.ErrTooLarge) {
		t.Error(err)
	}
}

// FuzzLogo: what is served of an SVG image has none of the words that a browser acts on.
func FuzzLogo(f *testing.F) {
	f.Add(svg(`<path style="fill:url(#a)" d="M0 0"/><style>.a{fill:red}</style>`))
	f.Add(svg(`<text>x</text><use xlink:href="#a"/>`))
	f.Fuzz(func(t *testing.T, file string) {
		logo, err := brand.ParseLogo([]byte(file))
		if err != nil || logo.Type != "image/svg+xml" {
			return
		}
		for _, word := range []string{"<script", "<!", "<?", "foreignobject", "<image", "<a ", "<a>", " on"} {
			for tag := range strings.SplitSeq(strings.ToLower(string(logo.Image)), "<") {
				tag, _, _ = strings.Cut("<"+tag, ">")
				if tag = withoutValues(tag); strings.HasPrefix(word, "<") && strings.HasPrefix(tag, word) || word == " on" && strings.Contains(tag, word) {
					t.Errorf("%q becomes %q, which has %q", file, logo.Image, word)
				}
			}
		}
	})
}

// withoutValues leaves out what stands between quotes.
func withoutValues(tag string) string {
	var b strings.Builder
	for i, part := range strings.Split(tag, `"`) {
		if i%2 == 0 {
			b.WriteString(part)
		}
	}
	return b.String()
}
