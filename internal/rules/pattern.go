package rules

import (
	"slices"
	"strings"
)

// forms are the ways to read a name. A name of a tool or prompt has one.
type forms struct {
	as []string // the name as it is, and each way to read a URI
	// cut are the ways to read a URI without query, fragment and slashes at its end. A server
	// may ignore these, so that they count when a rule keeps someone out, not otherwise.
	cut []string
}

// pattern is a text in which * stands for any characters, and the ways to read it.
type pattern []string

func patternsOf(k Kind, texts []string) []pattern {
	list := make([]pattern, 0, len(texts))
	for _, text := range texts {
		p := pattern{text}
		if k == Resource {
			f, _ := readingsBut(text, '*')
			for _, form := range f.as {
				p = append(p, form, strings.TrimRight(form, "/"))
			}
		}
		list = append(list, p)
	}
	return list
}

// CanMatch reports whether a pattern can match anything.
func CanMatch(k Kind, text string) bool {
	if k != Resource {
		return text != ""
	}
	_, certain := readingsBut(text, '*')
	return certain && text != ""
}

// formsOf returns how a name can be read. It reports false for a URI that no one should use.
func formsOf(k Kind, name string) (forms, bool) {
	if k == Resource {
		return readings(name)
	}
	return forms{as: []string{name}}, true
}

// matches reports whether the pattern matches a name in some way and in every way.
func (p pattern) matches(f forms) (some, all bool) {
	all = true
	for _, form := range f.as {
		if p.match(form) {
			some = true
		} else {
			all = false
		}
	}
	return some || slices.ContainsFunc(f.cut, p.match), all
}

func (p pattern) match(form string) bool {
	return slices.ContainsFunc(p, func(text string) bool { return wild(text, form) })
}

// wild reports whether a text matches a pattern. The time grows with their product at most.
func wild(pattern, text string) bool {
	parts := strings.Split(pattern, "*")
	first, last := parts[0], parts[len(parts)-1]
	if len(parts) == 1 {
		return pattern == text
	}
	if len(text) < len(first)+len(last) || !strings.HasPrefix(text, first) || !strings.HasSuffix(text, last) {
		return false
	}
	text = text[len(first) : len(text)-len(last)]
	for _, part := range parts[1 : len(parts)-1] {
		_, rest, found := strings.Cut(text, part)
		if !found {
			return false
		}
		text = rest
	}
	return true
}
