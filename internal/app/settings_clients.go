package app

import (
	"cmp"
	"net/netip"
	"strings"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/oauth"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// ShortestUnused leaves people time for the sign-in that a registration is for.
const ShortestUnused = time.Hour

// checkRegistration says which clients may register.
func (s Settings) checkRegistration() (oauth.RegistrationPolicy, *SettingError) {
	r, mode := s.Registration, oauth.RegistrationMode(s.Registration.Mode)
	if mode == "" {
		mode = oauth.RegistrationOpen
	}
	none := oauth.RegistrationPolicy{}
	switch {
	case r.MaxClients < 0:
		return none, problem("Registration.MaxClients", "0 (any number) or more", "%d is out of range", r.MaxClients)
	case r.UnusedFor != 0 && r.UnusedFor < ShortestUnused:
		return none, problem("Registration.UnusedFor", "0 (forever), or 1h or more", "%v is out of range", r.UnusedFor)
	case len(r.Hosts) > 0 && mode != oauth.RegistrationAllowlist:
		return none, problem("Registration.Hosts", "", "means nothing without {Registration.Mode}=allowlist")
	}
	if _, err := oauth.NewRegistrationPolicy(mode, nil); err != nil {
		return none, problem("Registration.Mode", "open, allowlist or closed", "%q is not known", r.Mode)
	}
	for _, host := range r.Hosts {
		if _, err := oauth.NewRegistrationPolicy(mode, []string{host}); err != nil {
			return none, problem("Registration.Hosts", "a host such as claude.ai, or only a scheme with its colon, such as cursor:",
				"%q cannot be listed", host)
		}
	}
	policy, err := oauth.NewRegistrationPolicy(mode, r.Hosts)
	if err != nil {
		return none, because("Registration.Hosts", "", err)
	}
	return policy, nil
}

// checkReadopt says which clients with an unknown client ID may be registered again.
func (s Settings) checkReadopt() (oauth.Readoption, *SettingError) {
	mode, err := oauth.ParseReadoptMode(cmp.Or(s.Readopt, string(oauth.ReadoptKnown)))
	if err != nil {
		return oauth.Readoption{}, problem("Readopt", "off, known or open", "%q is not known", s.Readopt)
	}
	set := oauth.Readoption{Mode: mode}
	for _, text := range trimmed(s.ReadoptRedirects) {
		uri, err := oauth.ParseRedirectURI(text)
		if err != nil || strings.Contains(text, "*") { // they are compared exactly, and no app sends a pattern
			return set, problem("ReadoptRedirects", "redirect URIs as the app sends them, such as https://n8n.example.com/rest/oauth2-credential/callback",
				"%q is not a redirect URI that a client may register", text)
		}
		set.Redirects = append(set.Redirects, uri)
	}
	if len(set.Redirects) > 0 && mode == oauth.ReadoptOff {
		return set, problem("ReadoptRedirects", "", "means nothing with {Readopt}=off")
	}
	return set, nil
}

// check says which metadata documents are taken.
func (d Documents) check(registration oauth.RegistrationPolicy) (checkedDocuments, *SettingError) {
	set := checkedDocuments{taken: !d.Off}
	for _, host := range trimmed(d.Hosts) {
		host = strings.ToLower(host)
		if oauth.MetadataHost("https://"+host+"/x") != host {
			return set, problem("Documents.Hosts", "one such as claude.ai", "%q is not a host", host)
		}
		set.hosts = append(set.hosts, host)
	}
	for _, network := range trimmed(d.Networks) {
		prefix, err := netip.ParsePrefix(network)
		if err != nil || prefix != prefix.Masked() {
			return set, problem("Documents.Networks", "one such as 10.20.0.0/16", "%q is not a network", network)
		}
		set.networks = append(set.networks, prefix)
	}
	if registration.Closed() && len(set.hosts) == 0 {
		set.taken = false // anyone with a web site could get in
	}
	return set, nil
}

// replacedFor is how long a connection that a newer one replaced may be unused.
const replacedFor = 7 * 24 * time.Hour

// retention says how long what does not expire by itself is kept.
func (c Checked) retention() storage.Retention {
	r := c.settings.Registration
	return storage.Retention{
		Replaced: replacedFor, Grace: c.Lifetimes.Grace, Events: c.Events, Calls: c.CallEvents,
		UnusedClients: r.UnusedFor, CountClients: r.MaxClients > 0,
	}
}

// trimmed leaves out white space and what is empty.
func trimmed(list []string) []string {
	var out []string
	for _, s := range list {
		if s = strings.TrimSpace(s); s != "" {
			out = append(out, s)
		}
	}
	return out
}
