package oauth

// consistsOf reports whether every byte of s is in a set.
func consistsOf(s string, in func(byte) bool) bool {
	for i := range len(s) {
		if !in(s[i]) {
			return false
		}
	}
	return true
}

func isLetter(c byte) bool { return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' }

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func isHex(c byte) bool { return isDigit(c) || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F' }

func isBase64URL(c byte) bool { return isLetter(c) || isDigit(c) || c == '-' || c == '_' }

// isUnreserved is the set of RFC 3986 §2.3, which also is that of code verifiers.
func isUnreserved(c byte) bool { return isBase64URL(c) || c == '.' || c == '~' }

// isScopeChar is the set of scope-token in RFC 6749 §3.3.
func isScopeChar(c byte) bool { return c > ' ' && c <= '~' && c != '"' && c != '\\' }
