package display

import (
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// Skeleton is what a reader perceives of a name: letters without marks, in lower case,
// look-alikes of other scripts and digits as the Latin letters they pass for,
// nothing between them.
func Skeleton(name string) string {
	var b strings.Builder
	for _, r := range norm.NFKD.String(strings.ToLower(norm.NFKC.String(Bound(name)))) {
		if like, ok := lookalikes[r]; ok {
			r = like
		}
		if unicode.IsLetter(r) {
			b.WriteRune(r)
		}
	}
	return strings.NewReplacer("rn", "m", "vv", "w").Replace(b.String())
}

// lookalikes maps runes to the Latin letter that they pass for in common fonts
// (after Unicode Technical Standard 39, as far as the names of known vendors need it). i and
// l are one letter, since in many fonts they are.
var lookalikes = map[rune]rune{
	'0': 'o', '1': 'l', '3': 'e', '5': 's', '|': 'l', '!': 'l', 'i': 'l', 'ı': 'l', 'ɩ': 'l', 'ǀ': 'l', 'ɡ': 'g', 'ɑ': 'a',
	// Cyrillic
	'а': 'a', 'в': 'b', 'с': 'c', 'ԁ': 'd', 'е': 'e', 'ё': 'e', 'һ': 'h', 'і': 'l', 'ї': 'l', 'ӏ': 'l', 'ј': 'j', 'к': 'k',
	'м': 'm', 'п': 'n', 'о': 'o', 'р': 'p', 'ԛ': 'q', 'г': 'r', 'ѕ': 's', 'т': 't', 'ц': 'u', 'ѵ': 'v', 'ѡ': 'w', 'х': 'x', 'у': 'y',
	// Greek
	'α': 'a', 'ϲ': 'c', 'ε': 'e', 'ι': 'l', 'κ': 'k', 'ο': 'o', 'ρ': 'p', 'τ': 't', 'υ': 'u', 'ν': 'v', 'χ': 'x', 'γ': 'y',
	// Armenian, Cherokee, Lisu
	'օ': 'o', 'ց': 'g', 'ո': 'n', 'ս': 'u', 'Ꭰ': 'd', 'ꓚ': 'c', 'ꓡ': 'l', 'ꓮ': 'a', 'ꓴ': 'u', 'ꓓ': 'd', 'ꓰ': 'e',
}
