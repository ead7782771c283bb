package prose

import (
	"go/scanner"
	"go/token"
	"regexp"
	"strconv"
	"strings"
)

// A Finding is a place where a text contains a word that the project does not use.
type Finding struct {
	Line    int // from 1
	Found   string
	Instead string
}

// passage is a text with the line it starts on. Line breaks are kept, so that phrases
// that wrap are found and lines can be counted.
type passage struct {
	text string
	line int
}

// Check returns the findings in a file. name decides what is read: all of a document or
// page, the comments and strings of a Go file, the comments of the other kinds.
func Check(name, content string) []Finding {
	var found []Finding
	for _, p := range passages(name, content) {
		for _, w := range words {
			for _, at := range w.Pattern.FindAllStringIndex(p.text, -1) {
				line := p.line + strings.Count(p.text[:at[0]], "\n")
				phrase := strings.Join(strings.Fields(p.text[at[0]:at[1]]), " ")
				found = append(found, Finding{Line: line, Found: phrase, Instead: w.Instead})
			}
		}
	}
	return found
}

func passages(name, content string) []passage {
	switch {
	case strings.HasSuffix(name, ".go"):
		return goPassages(content)
	case strings.HasSuffix(name, ".md"), strings.HasSuffix(name, ".html"), strings.HasSuffix(name, ".tsv"):
		return []passage{{text: content, line: 1}}
	default:
		return commentLines(content)
	}
}

// goPassages returns the comments and strings of a Go file. Comments on consecutive
// lines form one passage.
func goPassages(content string) []passage {
	var s scanner.Scanner
	file := token.NewFileSet().AddFile("", -1, len(content))
	s.Init(file, []byte(content), nil, scanner.ScanComments)
	var list []passage
	last := 0 // line on which the previous comment ends, 0 after other code
	for {
		pos, tok, lit := s.Scan()
		if tok == token.EOF {
			return list
		}
		line := file.Line(pos)
		switch {
		case tok == token.COMMENT:
			list = joined(list, passage{commentMark.ReplaceAllString(lit, ""), line}, line == last+1)
			last = line + strings.Count(lit, "\n")
			continue
		case tok == token.SEMICOLON && lit == "\n":
			continue // inserted before a comment at the end of a line
		case tok == token.STRING:
			if text, err := strconv.Unquote(lit); err == nil {
				list = append(list, passage{text, line})
			}
		}
		last = 0
	}
}

// joined appends a passage, or extends the last one with it.
func joined(list []passage, next passage, extends bool) []passage {
	if !extends || len(list) == 0 {
		return append(list, next)
	}
	list[len(list)-1].text += "\n" + next.text
	return list
}

// commentMark is what introduces a comment.
var commentMark = regexp.MustCompile(`(?m)^\s*(//|--|#)+`)

// commentLines returns the comments of SQL, shell, YAML and make files: lines that
// start with a comment mark, with those that follow directly.
func commentLines(content string) []passage {
	var list []passage
	last := -1 // index of the previous comment
	for i, line := range strings.Split(content, "\n") {
		if !commentMark.MatchString(line) {
			continue
		}
		list = joined(list, passage{commentMark.ReplaceAllString(line, ""), i + 1}, i == last+1)
		last = i
	}
	return list
}
