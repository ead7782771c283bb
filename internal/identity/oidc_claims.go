package identity

import (
	"encoding/json"
	"strings"
)

// claims are what a provider says of a person.
type claims map[string]any

// text returns a claim that is a string, "" when it is not.
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

// elsewhere says whether the provider has a claim and left it out (OpenID Connect
// Core section 5.6.2).
func (c claims) elsewhere(name string) bool {
	names, _ := c["_claim_names"].(map[string]any)
	_, ok := names[name]
	return ok
}

// over returns the claims completed by others. An address is not completed by the
// other's word on whether it is verified.
func (c claims) over(others claims) claims {
	all := claims{}
	for name, v := range others {
		all[name] = v
	}
	for name, v := range c {
		all[name] = v
	}
	if _, ok := c["email_verified"]; !ok && others.text("email") != "" {
		all["email"] = others["email"]
	} else if ok && c.text("email") == "" {
		delete(all, "email_verified")
		if v, ok := others["email_verified"]; ok {
			all["email_verified"] = v
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

// enough says whether the claims tell all that the userinfo endpoint is asked for.
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
		Email: said.text("email"), HostedDomain: said.text("hd"),
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
	return who
}

// login is the account's name. One that looks like an address and is not vouched for
// like one could be anybody's, so that the provider's id stands in.
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
