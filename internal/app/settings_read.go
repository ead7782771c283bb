package app

import (
	"unicode"
	"unicode/utf8"

	"github.com/mcpkeep/mcpkeep/internal/setting"
)

// read returns the settings without white space at the ends of values, and with the
// secrets from their files. Keys may be several lines of a file: see ReadKeys.
func (s Settings) read() (Settings, *SettingError) {
	for _, text := range []*string{
		&s.BaseURL, &s.Name, &s.Keys, &s.Provider.Kind, &s.Provider.ClientID, &s.Provider.Issuer, &s.Provider.APIURL,
		&s.Provider.GroupsClaim, &s.Provider.Title, &s.Provider.CallbackPath, &s.Registration.Mode, &s.Readopt, &s.PersonalTokens, &s.OpenAIChallenge,
		&s.Brand.Logo, &s.Brand.Accent, &s.Brand.Support, &s.Brand.Terms, &s.Brand.Privacy,
	} {
		*text = setting.Trim(*text)
	}
	var problem *SettingError
	for _, secret := range []struct {
		field string
		value *string
	}{
		{"DatabaseURL", &s.DatabaseURL}, {"MigrateDatabaseURL", &s.MigrateDatabaseURL},
		{"Provider.ClientSecret", &s.Provider.ClientSecret}, {"Provider.Password", &s.Provider.Password},
	} {
		value, err := setting.Secret(*secret.value)
		if err == nil {
			*secret.value = value // otherwise it would count as missing too
		} else if problem == nil {
			problem = unusable(secret.field, err)
		}
	}
	if err := s.FastMCP.read(); err != nil && problem == nil {
		problem = err
	}
	return s, problem
}

// longestTitle is what fits into the heading of a page.
const longestTitle = 60

// checkTitle refuses a name that would not fit on a page.
func checkTitle(field, title string) *SettingError {
	const want = "up to 60 printable characters"
	for _, r := range title {
		if !unicode.IsPrint(r) {
			return problem(field, want, "%q has a character that is not printable", title)
		}
	}
	if n := utf8.RuneCountInString(title); n > longestTitle {
		return problem(field, want, "%d characters long", n)
	}
	return nil
}
