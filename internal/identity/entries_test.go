package identity_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/mcpkeep/mcpkeep/internal/identity"
)

// TestEntries: what people write into lists, and what they are told.
func TestEntries(t *testing.T) {
	t.Parallel()
	users := func(kind string) func([]string) error {
		return func(list []string) error { return identity.CheckUsers(kind, list) }
	}
	for name, tt := range map[string]struct {
		check       func([]string) error
		entry, want string // "" when it is fine
	}{
		"login":                   {users("github"), "alice", ""},
		"login with digits":       {users("github"), "9to5-dev", ""},
		"enterprise user":         {users("github"), "alice-b_acme", ""},
		"old login":               {users("github"), "alice-", ""},
		"address":                 {users("github"), "alice@example.com", ""},
		"id":                      {users("github"), "sub:583231", ""},
		"guest of Entra":          {users("oidc"), "a_b.com#EXT#@c.onmicrosoft.com", ""},
		"id with anything":        {users("oidc"), "sub:auth0|5f7c", ""},
		"login of an old domain":  {users("oidc"), `CORP\alice`, ""},
		"JSON":                    {users("github"), `["alice"`, "quotes or brackets"},
		"JSON, last":              {users("github"), `"bob"]`, "quotes or brackets"},
		"quotes":                  {users("oidc"), `"alice"`, "quotes or brackets"},
		"single quotes":           {users("oidc"), `'alice'`, "quotes or brackets"},
		"spaces":                  {users("github"), "alice bob", "separate names by commas"},
		"semicolon":               {users("oidc"), "alice;bob", "separate names by commas"},
		"line break":              {users("oidc"), "alice\nbob", "separate names by commas"},
		"comma in a list":         {users("oidc"), "alice,bob", "separate names by commas"},
		"at sign":                 {users("github"), "@alice", "alice"},
		"domain":                  {users("oidc"), "@example.com", "{Allow.Domains}"},
		"anyone":                  {users("github"), "*", "{Allow.Anyone}=true"},
		"anyone in quotes":        {users("github"), `"*"`, "{Allow.Anyone}=true"},
		"pattern":                 {users("oidc"), "*@example.com", "{Allow.Domains}"},
		"profile":                 {users("github"), "https://github.com/alice", "URL"},
		"profile without scheme":  {users("github"), "github.com/alice", "URL"},
		"no id":                   {users("oidc"), "sub:", "no ID"},
		"login as id":             {users("github"), "sub:alice", "number"},
		"impossible login":        {users("github"), "alice.b", "not a GitHub login"},
		"login at Google":         {users("google"), "alice", "whole address"},
		"name of a domain":        {identity.CheckDomains, "example.com", ""},
		"domain with @":           {identity.CheckDomains, "@example.com", ""},
		"domain pattern":          {identity.CheckDomains, "*.example.com", "pattern"},
		"site":                    {identity.CheckDomains, "https://example.com", "URL"},
		"address as a domain":     {identity.CheckDomains, "alice@example.com", "{Allow.Users}"},
		"any domain":              {identity.CheckDomains, "*", "{Allow.Anyone}=true"},
		"domain in quotes":        {identity.CheckDomains, `"example.com"`, "quotes"},
		"organization":            {identity.CheckOrgs, "my-org", ""},
		"enterprise organization": {identity.CheckOrgs, "my_org", ""},
		"team":                    {identity.CheckOrgs, "my-org/some-team", ""},
		"its URL":                 {identity.CheckOrgs, "https://github.com/my-org", "URL"},
		"its address":             {identity.CheckOrgs, "github.com/my-org", "URL"},
		"organization with @":     {identity.CheckOrgs, "@my-org", "my-org"},
		"two organizations":       {identity.CheckOrgs, "my-org other", "commas"},
		"path":                    {identity.CheckOrgs, "orgs/my-org/teams/x", "neither"},
		"group":                   {identity.CheckGroups, "Domain Admins (EU) [legacy]", ""},
		"group path":              {identity.CheckGroups, "/staff/admins", ""},
		"group in JSON":           {identity.CheckGroups, `["engineering"`, "quotes"},
		"any group":               {identity.CheckGroups, "*", "{Allow.Anyone}=true"},
	} {
		err := tt.check([]string{tt.entry})
		var bad *identity.EntryError
		if tt.want == "" && err != nil || tt.want != "" && (!errors.As(err, &bad) || !strings.Contains(bad.Problem, tt.want) || bad.Entry != tt.entry) {
			t.Errorf("%s: %q: %v, want %q", name, tt.entry, err, tt.want)
		}
	}
}
