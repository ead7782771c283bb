package identity

import (
	"encoding/json"
	"maps"
	"math"
	"strings"
	"time"
)

// claims are what a provider reports about a person.
type claims map[string]any

// text returns a claim that is a string, or "" if it is not.
func (c claims) text(name string) string {
	s, _ := c[name].(string)
	return s
}

// truth returns a claim that is a boolean. Some providers write those as strings or
// numbers.
func (c claims) truth(name string) bool {
	switch v := c[name].(type) {
	case bool:
		return v
	case string:
		return v == "true" || v == "1"
	case float64:
		return v == 1
	}
	return false
}

// time returns a claim that is a time in Unix seconds, zero if it is not.
func (c claims) time(name string) time.Time {
	if v, ok := c[name].(float64); ok && v > 0 && v < math.MaxInt32*1000 {
		return time.Unix(int64(v), 0)
	}
	return time.Time{}
}

// find returns a claim by its name, or by names within objects joined by dots.
func (c claims) find(name string) (any, bool) {
	if v, ok := c[name]; ok {
		return v, true
	}
	first, rest, ok := strings.Cut(name, ".")
	if !ok {
		return nil, false
	}
	inner, ok := c[first].(map[string]any)
	if !ok {
		return nil, false
	}
	return claims(inner).find(rest)
}

func (c claims) has(name string) bool {
	_, ok := c.find(name)
	return ok
}

// groups returns the names in a claim: a list of them, a single one, or the names of
// an object's members. Objects in a list are left out.
func (c claims) groups(name string) []string {
	v, _ := c.find(name)
	var names []string
	switch v := v.(type) {
	case string:
		names = append(names, plainGroup(v))
	case []any:
		for _, one := range v {
			if s, ok := one.(string); ok {
				names = append(names, plainGroup(s))
			}
		}
	case map[string]any:
		for s := range v {
			names = append(names, plainGroup(s))
		}
	}
	return names
}

// elsewhere reports whether the provider has a claim but left it out (OpenID Connect Core
// section 5.6.2).
func (c claims) elsewhere(name string) bool {
	names, _ := c["_claim_names"].(map[string]any)
	_, ok := names[name]
	return ok
}

// emailClaims describe an email address and must come from the same source.
var emailClaims = []string{"email", "email_verified", "xms_edov"}

// over returns the claims completed by others. An address and whether it is verified come
// from the same source: the one that reports both, or else the first that has an address.
// Verification without an address is ignored.
func (c claims) over(others claims) claims {
	all := maps.Clone(others)
	maps.Copy(all, c)
	from := c
	if c.text("email") == "" || !c.has("email_verified") && others.text("email") != "" {
		from = others
	}
	for _, name := range emailClaims {
		delete(all, name)
		if v, ok := from[name]; ok && from.text("email") != "" {
			all[name] = v
		}
	}
	return all
}

func (o *OIDC) groupsClaim(f family) string {
	switch {
	case o.config.GroupsClaim != "":
		return o.config.GroupsClaim
	case f.groupsClaim != "":
		return f.groupsClaim
	}
	return "groups"
}

func (f family) login() string {
	if f.loginClaim != "" {
		return f.loginClaim
	}
	return "preferred_username"
}

// enough reports whether the claims contain everything that the userinfo endpoint could
// add.
func (o *OIDC) enough(f family, said claims) bool {
	groups := o.groupsClaim(f)
	return said.text("email") != "" && (said.has("email_verified") || f.verifies != nil) &&
		(!o.config.Groups || said.has(groups) || said.elsewhere(groups))
}

// keep returns the claims that matter, as JSON.
func (o *OIDC) keep(f family, said claims) string {
	kept := claims{}
	for _, name := range []string{
		"sub", "tid", f.login(), "name", "email", "email_verified", "xms_edov", "hd", "_claim_names",
	} {
		if v, ok := said[name]; ok {
			kept[name] = v
		}
	}
	if o.config.Groups {
		name := o.groupsClaim(f)
		if said.has(name) {
			kept[name] = said.groups(name)
		}
	}
	text, err := json.Marshal(kept)
	if err != nil {
		return "" // cannot be: it came from JSON
	}
	return string(text)
}

// personOf reads a person from claims.
func (o *OIDC) personOf(p *provider, said claims) Person {
	f := p.family
	who := Person{
		Issuer: o.id, Subject: said.text("sub"), Name: said.text("name"),
		Email: said.text("email"), Known: []Fact{FactEmail, FactDomain, FactOrgs, FactTeams},
	}
	if f.hostsDomains {
		who.HostedDomain = said.text("hd")
	}
	if strings.Contains(o.id, tenantTemplate) {
		who.Subject = said.text("tid") + "/" + who.Subject
	}
	verified := said.truth("email_verified")
	if f.verifies != nil {
		verified = f.verifies(said)
	}
	if email, err := normalEmail(who.Email); err == nil && verified {
		who.Email, who.EmailVerified = email, true
	}
	who.Login = o.login(f, said, who)
	if o.config.Groups {
		name := o.groupsClaim(f)
		who.Groups = said.groups(name)
		who.GroupsUnknown = said.elsewhere(name)
	}
	if o.config.Groups && !who.GroupsUnknown {
		who.Known = append(who.Known, FactGroups)
	}
	return who
}

// login returns the account's name. A name that looks like an email address but is not
// verified could be anyone's, so it is replaced with the provider's ID.
func (o *OIDC) login(f family, said claims, who Person) string {
	login := said.text(f.login())
	looksLikeAddress := strings.ContainsAny(login, "@\uff20\ufe6b")
	switch {
	case login != "" && !looksLikeAddress:
		return login
	case login != "" && f.assignsLogins != nil && f.assignsLogins(o.issuer):
		return login
	case who.EmailVerified:
		return who.Email
	}
	return who.Subject
}
