package identity

import (
	"regexp"
	"strings"
	"unicode"
)

// EntryError is an entry of a list that can match no one. Problem names other lists in
// braces, as in {Allow.Domains}.
type EntryError struct{ Entry, Problem string }

// Error implements error.
func (e *EntryError) Error() string { return clip(e.Entry) + " " + e.Problem }

// The shapes of names at GitHub. A login may end in an enterprise's short code, after an
// underscore.
var (
	gitHubLogin = regexp.MustCompile(`^[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?-?(?:_[A-Za-z0-9]+)?$`)
	gitHubOrg   = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]*(?:/[^/\s]+)?$`)
	digitsOnly  = regexp.MustCompile(`^[0-9]+$`)
)

const (
	anyoneProblem    = "allows no one: patterns are not supported; to allow every user of the provider, set {Allow.Anyone}=true"
	notationProblem  = "has quotes or brackets; write names separated by commas, such as alice,bob"
	separatorProblem = "has a separator inside; separate names by commas"
)

// notation reports whether an entry looks like a list in another notation, such as JSON.
func notation(entry string) string {
	switch {
	case strings.Trim(entry, `*"'[]`) == "" && strings.Contains(entry, "*"):
		return anyoneProblem
	case strings.ContainsAny(entry, "\"`“”[]{}<>") || strings.Trim(entry, "'‘’") != entry:
		return notationProblem
	case strings.ContainsAny(entry, ",;|\n\r\t"):
		return separatorProblem
	}
	return ""
}

func firstBad(list []string, problem func(entry string) string) error {
	for _, entry := range list {
		if text := problem(entry); text != "" {
			return &EntryError{entry, text}
		}
	}
	return nil
}

// CheckUsers returns the first entry of a list of users, as an *EntryError, that matches
// no one at this kind of provider, such as "github"; other faults are Validate's.
func CheckUsers(kind string, users []string) error {
	return firstBad(users, func(entry string) string { return userProblem(kind, entry) })
}

func userProblem(kind, entry string) string {
	id, isID := strings.CutPrefix(entry, subjectPrefix)
	if text := notation(entry); text != "" && (!isID || text != separatorProblem || strings.Contains(id, ",")) {
		return text // the ids of some providers have a vertical bar
	}
	switch {
	case isID && strings.TrimSpace(id) == "":
		return "has no ID after sub:"
	case isID && kind == "github" && !digitsOnly.MatchString(id):
		return "is not a GitHub account's number; write sub:583231, or the login without sub:"
	case isID:
		return ""
	case strings.Contains(entry, "://") || strings.HasPrefix(entry, "github.com/"):
		return "is a URL; write the login alone"
	case strings.HasPrefix(entry, "@") && strings.Contains(entry, "."):
		return "is a domain; list it in {Allow.Domains}"
	case strings.HasPrefix(entry, "@"):
		return "begins with @; write the login alone, " + strings.TrimPrefix(entry, "@")
	case entry == "*":
		return "is not a user; set {Allow.Anyone}=true to let everyone in"
	case strings.Contains(entry, "*"):
		return "is a pattern, which is not supported; list domains in {Allow.Domains}"
	case strings.ContainsFunc(entry, unicode.IsSpace):
		return "has a space inside; separate names by commas, or list the account as sub:ID"
	case strings.Contains(entry, "@"):
		return ""
	case kind == "github" && !gitHubLogin.MatchString(entry):
		return "is not a GitHub login"
	case kind == "google":
		return "is not an address, and Google has no other logins; write the whole address"
	}
	return ""
}

// CheckDomains is CheckUsers for domains.
func CheckDomains(domains []string) error {
	return firstBad(domains, func(entry string) string {
		text := notation(entry)
		switch {
		case text != "":
			return text
		case strings.Contains(entry, "*"):
			return "is a pattern, which is not supported; list each domain and subdomain by its name"
		case strings.Contains(entry, "://"):
			return "is a URL; write the domain alone"
		case strings.Contains(strings.TrimPrefix(entry, "@"), "@"):
			return "is an address; list it in {Allow.Users}"
		case strings.ContainsFunc(entry, unicode.IsSpace):
			return separatorProblem
		}
		return ""
	})
}

// CheckOrgs is CheckUsers for GitHub organizations and teams.
func CheckOrgs(orgs []string) error {
	return firstBad(orgs, func(entry string) string {
		text := notation(entry)
		switch {
		case text != "":
			return text
		case strings.Contains(entry, "://") || strings.HasPrefix(entry, "github.com/"):
			return "is a URL; write the organization's name alone, or org/team"
		case strings.HasPrefix(entry, "@"):
			return "begins with @; write the name alone, " + strings.TrimPrefix(entry, "@")
		case strings.ContainsFunc(entry, unicode.IsSpace):
			return separatorProblem
		case !gitHubOrg.MatchString(entry):
			return "is neither an organization nor a team"
		}
		return ""
	})
}

// CheckGroups is CheckUsers for groups, whose names may have almost any character.
func CheckGroups(groups []string) error {
	return firstBad(groups, func(entry string) string {
		switch text := notation(entry); {
		case text == anyoneProblem:
			return text
		case strings.ContainsAny(entry, "\"`“”") || strings.Trim(entry, "'‘’") != entry, strings.ContainsAny(entry, "\n\r\t"):
			return notationProblem
		}
		return ""
	})
}
