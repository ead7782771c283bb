package main

import (
	"errors"
	"strings"

	"github.com/mcpkeep/mcpkeep/internal/app"
	"github.com/mcpkeep/mcpkeep/internal/setting"
)

// variables are the settings by the fields of mcpkeep.Config that they fill.
var variables = map[string]string{ //nolint:gosec // G101: names of variables, no values
	"BaseURL":                 "MCPKEEP_BASE_URL",
	"Name":                    "MCPKEEP_NAME",
	"Brand.Logo":              "MCPKEEP_LOGO",
	"Brand.Accent":            "MCPKEEP_ACCENT",
	"Brand.Support":           "MCPKEEP_SUPPORT",
	"Brand.Terms":             "MCPKEEP_TERMS_URL",
	"Brand.Privacy":           "MCPKEEP_PRIVACY_URL",
	"Provider.Title":          "MCPKEEP_PROVIDER_NAME",
	"Names":                   "MCPKEEP_BASE_URL",
	"AllowHTTP":               "MCPKEEP_ALLOW_HTTP",
	"AllowedOrigins":          "MCPKEEP_ALLOWED_ORIGINS",
	"DatabaseURL":             "DATABASE_URL",
	"MigrateDatabaseURL":      "MCPKEEP_MIGRATE_DATABASE_URL",
	"Keys":                    "MCPKEEP_ENCRYPTION_KEYS",
	"Provider":                "MCPKEEP_PROVIDER",
	"Provider.Password":       "MCPKEEP_LOCAL_PASSWORD",
	"Provider.CallbackPath":   "MCPKEEP_CALLBACK_PATH",
	"Allow.Users":             "MCPKEEP_ALLOWED_USERS",
	"Allow.Domains":           "MCPKEEP_ALLOWED_DOMAINS",
	"Allow.Orgs":              "MCPKEEP_ALLOWED_ORGS",
	"Allow.Groups":            "MCPKEEP_ALLOWED_GROUPS",
	"Allow.Anyone":            "MCPKEEP_ALLOW_ANYONE",
	"Admins":                  "MCPKEEP_ADMINS",
	"Lifetimes.AccessToken":   "MCPKEEP_ACCESS_TOKEN_TTL",
	"Lifetimes.RefreshToken":  "MCPKEEP_REFRESH_TOKEN_TTL",
	"Lifetimes.RefreshGrace":  "MCPKEEP_REFRESH_GRACE",
	"Lifetimes.Recheck":       "MCPKEEP_RECHECK",
	"Lifetimes.ProviderGrace": "MCPKEEP_PROVIDER_GRACE",
	"Lifetimes.Events":        "MCPKEEP_EVENTS_TTL",
	"Lifetimes.CallEvents":    "MCPKEEP_CALL_EVENTS_TTL",
	"EventsLog":               "MCPKEEP_EVENTS_LOG",
	"Registration.Mode":       "MCPKEEP_REGISTRATION",
	"Registration.Hosts":      "MCPKEEP_REGISTRATION_HOSTS",
	"Registration.MaxClients": "MCPKEEP_MAX_CLIENTS",
	"Registration.UnusedFor":  "MCPKEEP_CLIENT_UNUSED_TTL",
	"PersonalTokens":          "MCPKEEP_PERSONAL_TOKENS",
	"Readopt":                 "MCPKEEP_READOPT",
	"ReadoptRedirects":        "MCPKEEP_READOPT_REDIRECTS",
	"Documents.Hosts":         "MCPKEEP_CIMD_HOSTS",
	"Documents.Networks":      "MCPKEEP_CIMD_ALLOWED_NETWORKS",
	"FastMCP.SigningKey":      "MCPKEEP_FASTMCP_JWT_KEY",
	"FastMCP.LegacyUntil":     "MCPKEEP_FASTMCP_LEGACY_UNTIL",
	"FastMCP.Keys":            "MCPKEEP_FASTMCP_KEYS",
	"FastMCP.Table":           "MCPKEEP_FASTMCP_TABLE",
	"FastMCP.Passphrase":      "JWT_SIGNING_KEY",
}

// variable is the variable of a Config's field; some depend on the provider.
func (f *serveFlags) variable(field string) string {
	if field == "Allow.Users" && f.configuredAsFastMCP() {
		return fastmcpUsernames
	}
	if name, ok := variables[field]; ok {
		return name
	}
	prefix := "MCPKEEP_" + strings.ToUpper(f.Provider)
	switch field {
	case "Provider.ClientID":
		return prefix + "_CLIENT_ID"
	case "Provider.ClientSecret":
		return prefix + "_CLIENT_SECRET"
	case "Provider.Issuer":
		if f.Provider == app.GitHub {
			return "MCPKEEP_GITHUB_URL"
		}
		return prefix + "_ISSUER"
	}
	return field
}

// named is an error in the words of the command line: about variables and flags
// in place of a Config's fields.
func (f *serveFlags) named(err error) error {
	var e *app.SettingError
	if !errors.As(err, &e) {
		return err
	}
	problem, want := e.Text(f.variable)
	worded := setting.Errorf(f.variable(e.Field), want, "%s", problem)
	if worded.Variable == fastmcpUsernames { // which is another name of the variable
		worded.Flag = "--allowed-users"
	}
	if e.Environment {
		return namedError{text: worded.Error(), cause: e}
	}
	return worded
}

// namedError is an error about what a setting names, in other words. The setting is well formed.
type namedError struct {
	text  string
	cause error
}

func (e namedError) Error() string { return e.text }

func (e namedError) Unwrap() error { return e.cause }
