package prose

import (
	"regexp"
	"strings"
)

// A Word is a word or phrase that the project does not use.
type Word struct {
	Pattern *regexp.Regexp
	Instead string // what to write
}

// words are matched regardless of case, as whole words.
var words = []Word{
	word(`mend(s|ed|ing)?`, "fix"),
	word(`anew`, "again, or re-register and the like"),
	word(`for ever`, "forever, indefinitely"),
	word(`by and by`, "over time"),
	word(`(go|goes|going|went|gone) on`, "continue, keep working"),
	word(`who(m|so)?ever`, "name the person: user, client, operator"),
	word(`somebody(['’]s)?`, "someone, or name the person: user, client, operator"),
	word(`anybody(['’]s)?`, "anyone, or name the person: user, client, operator"),
	word(`nobody(['’]s)?`, "no one, or name the person: no user, no client"),
	word(`everybody(['’]s)?`, "everyone, or name the people: all users, all clients"),
	word(`at once`, "immediately, concurrently, at a time"),
	word(`(is|are|was|were) of`, "belongs to, comes from, has"),
	word(`(can|cannot|could|may) be had`, "fetch, get, available"),
	word(`is peculiar`, "quirk"),
	word(`(be|is|are|was|were) answered`, "return, get"),
	word(`beside`, "next to, in addition to, compared with"),
	word(`(thereof|therein|thereby|whereupon|hitherto|heretofore|whilst|amongst)`, "plain words"),
	word(`something else than`, "something other than"),
	word(`one['’]s own`, "your own"),
	word(`e-mails?`, "email"),
	word(`is no (terminal|number|url)`, "is not a"),
	word(`(organ|recogn|normal|author|initial|serial|synchron|summar|minim|maxim|optim|real|special|custom)is(e|es|ed|ing|ation|ations|er|ers)`, "American spelling: -ize"),
	word(`(behavi|hon|fav|col|neighb|lab|hum|rum)our(s|ed|ing|able|ite|ites|ful|al|hood)?`, "American spelling: -or"),
	word(`(cancell|modell|travell|labell|signall)(ed|ing|er)`, "American spelling: one l"),
	word(`(licence|defence|offence|centre|catalogue|grey|judgement|artefact|analyse[ds]?|programme)s?`, "American spelling"),
}

func word(pattern, instead string) Word {
	pattern = strings.ReplaceAll(pattern, " ", `\s+`)
	return Word{Pattern: regexp.MustCompile(`(?i)\b` + pattern + `\b`), Instead: instead}
}
