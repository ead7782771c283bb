package gateway

import "bytes"

// toStringEnd returns how many bytes come before a quote or a backslash. It looks for them in
// short pieces: a text may have many backslashes, and a quote far away.
func toStringEnd(p []byte) int {
	const short, length = 16, 256
	for i, c := range p[:min(short, len(p))] {
		if c == '"' || c == '\\' {
			return i
		}
	}
	for at := short; at < len(p); at += length {
		piece := p[at:min(at+length, len(p))]
		quote := bytes.IndexByte(piece, '"')
		if quote >= 0 {
			piece = piece[:quote]
		}
		if i := bytes.IndexByte(piece, '\\'); i >= 0 {
			return at + i
		}
		if quote >= 0 {
			return at + quote
		}
	}
	return len(p)
}

// skip reads on between members that do not count, and returns how many bytes it has read: up
// to a string, or to where members count again.
func (s *scanner) skip(p []byte) int {
	for i, c := range p {
		switch c {
		case '"':
			return i
		case '{', '[':
			s.depth++
		case '}', ']':
			s.depth--
		default:
			continue
		}
		if s.counts() {
			return i + 1
		}
	}
	return len(p)
}
