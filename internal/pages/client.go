package pages

import (
	"cmp"
	"net/netip"
	"net/url"
	"slices"
	"strings"
)

// Client is the requesting app. All fields but Verified are the app's own claims
// (RFC 7591 section 5): the pages clean it, cut it and show it as a claim.
type Client struct {
	Name string
	// Claim is what an app without a name calls itself.
	Claim string
	ID    string
	URI   string // the app's website; shown as text, never as a link
	// RedirectURI is where this request's answer goes. From it the pages tell a
	// website from an app on this computer (loopback, RFC 8252 section 7.3) and
	// from an app behind a private-use scheme (section 7.1).
	RedirectURI string
	// Unknown means that the app uses a registration which this server does not
	// have, and is registered again if the person approves.
	Unknown bool
	// Further means that the app uses such a registration that someone else let in at
	// another address.
	Further bool
	// Verified means that the operator vouches for the client.
	Verified bool
	// Published is set for a client whose id is the URL of its description.
	Published *Publication
}

// Publication is where a client is described that has a client ID metadata
// document. Its host is the one thing of a client that no one else can claim.
type Publication struct {
	Host string // of the client ID
	// Unconfirmed: the host did not give the description when it was asked.
	Unconfirmed bool
	// Unread: nothing is known of the description, because its host could not be reached.
	Unread bool
	// LocalOnly: all addresses that it lists are on the person's own computer, where
	// any program can use the client ID.
	LocalOnly bool
}

// clientView is a client whose every string may be shown.
type clientView struct {
	Name, Claim, ID, URI, RedirectURI string
	Verified, Unknown, Further        bool
	Published                         *publicationView
	Target                            target
}

// publicationView is a publication whose every string may be shown.
type publicationView struct {
	Publication

	International bool   // as in target
	Imitates      string // the vendor whose name the app uses without being of its host; "" for none
}

func (c Client) view() clientView {
	goal := newTarget(c.RedirectURI)
	if v := imitated(c.called(), goal, c.RedirectURI); v != nil && !c.Verified && c.Published == nil {
		goal.Imitates = v.name
	}
	return clientView{
		Published:   c.publication(),
		Name:        Quotable(clean(c.Name, maxName)),
		Claim:       Quotable(clean(c.Claim, maxName)),
		ID:          visible(c.ID, maxURI),
		URI:         visible(c.URI, maxURI),
		RedirectURI: visible(c.RedirectURI, maxURI),
		Verified:    c.Verified,
		Unknown:     c.Unknown,
		Further:     c.Further,
		Target:      goal,
	}
}

// called is the name that the page shows.
func (c Client) called() string { return cmp.Or(c.Name, c.Claim) }

// Quotable is a name that stays within the quotation marks that the pages put around
// it: with marks of its own it would continue as their words, such as “Notes” of
// notes.example.
func Quotable(name string) string {
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune("“”„‟〝〞〟＂", r) {
			return '\''
		}
		return r
	}, name)
}

// publication is nil for a client that is not published anywhere.
func (c Client) publication() *publicationView {
	if c.Published == nil {
		return nil
	}
	view := publicationView{Publication: *c.Published, International: isInternational(c.Published.Host)}
	if v := borrowed(c.called(), "https://"+c.Published.Host); v != nil {
		view.Imitates = v.name
	}
	view.Host = visible(view.Host, maxURI)
	return &view
}

// target is where the answer goes, as a person should understand it.
type target struct {
	Kind  targetKind
	Where string // host[:port], "scheme://…", or the start of an unreadable URI
	// International is set when a label of the host is punycode: such a name may
	// imitate another one in the browser's address bar.
	International bool
	// Imitates names the vendor whose name the app uses without being at an
	// address of it; "" for none.
	Imitates string
}

// targetKind is compared in the templates, hence a string.
type targetKind string

const (
	targetWeb      targetKind = "web"
	targetLoopback targetKind = "loopback"
	targetScheme   targetKind = "scheme"
	targetUnknown  targetKind = "unknown"
)

func newTarget(redirectURI string) target {
	u, err := url.Parse(redirectURI)
	switch {
	case err != nil || u.Scheme == "", slices.Contains(webSchemes, u.Scheme), isHTTP(u) && u.Hostname() == "":
		return target{Kind: targetUnknown, Where: visible(redirectURI, maxName)}
	case !isHTTP(u):
		return schemeTarget(u)
	}
	host := asciiHost(u)
	kind := targetWeb
	if isLoopback(u.Hostname()) {
		kind = targetLoopback
	}
	return target{
		Kind:          kind,
		Where:         host,
		International: isInternational(host),
	}
}

func isInternational(host string) bool {
	return strings.HasPrefix(host, "xn--") || strings.Contains(host, ".xn--")
}

func schemeTarget(u *url.URL) target {
	separator := ":"
	if u.Host != "" {
		separator = "://"
	}
	return target{Kind: targetScheme, Where: visible(u.Scheme, maxName) + separator + "…"}
}

func isHTTP(u *url.URL) bool { return u.Scheme == "http" || u.Scheme == "https" }

// isLoopback reports whether host, without a port, is this computer (RFC 8252
// sections 7.3 and 8.3).
func isLoopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.IsLoopback()
}
