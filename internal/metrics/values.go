package metrics

// Routes, which stand for the paths of requests.
const (
	RouteMCP        = "mcp" // all MCP endpoints
	RouteAuthorize  = "authorize"
	RouteConsent    = "consent"
	RouteCallback   = "callback"
	RouteToken      = "token"
	RouteRevoke     = "revoke"
	RouteIntrospect = "introspect"
	RouteRegister   = "register"
	RouteManage     = "manage" // /register/{client_id}
	RouteMetadata   = "metadata"
	RouteVerify     = "verify"
	RouteHealth     = "health"
	RouteOther      = "other"
)

var routes = []string{
	RouteMCP, RouteAuthorize, RouteConsent, RouteCallback, RouteToken, RouteRevoke, RouteIntrospect, RouteRegister, RouteManage,
	RouteMetadata, RouteVerify, RouteHealth, RouteOther,
}

// statusClasses are the labels of a status by its hundreds. A request without a response was
// canceled.
var statusClasses = []string{"none", "1xx", "2xx", "3xx", "4xx", "5xx"}

// Outcome says how something ended.
type Outcome string

// Outcomes. Which of them a family has, docs/metrics.md says.
const (
	OK          Outcome = "ok"
	Created     Outcome = "created"
	Refused     Outcome = "refused"     // by a rule, a list or a person
	Full        Outcome = "full"        // at the ceiling
	Invalid     Outcome = "invalid"     // what came is wrong
	Unavailable Outcome = "unavailable" // database or provider
	Failed      Outcome = "failed"
	Throttled   Outcome = "throttled"
	Shown       Outcome = "shown"
	Granted     Outcome = "granted"
	Denied      Outcome = "denied"
	Repeated    Outcome = "repeated" // the same tokens again
	Reused      Outcome = "reused"   // which revoked the grant
	Unknown     Outcome = "unknown"  // client
	Error       Outcome = "error"
	Canceled    Outcome = "canceled"
)

var (
	registrationOutcomes  = []Outcome{Created, Refused, Full, Unavailable}
	authorizationOutcomes = []Outcome{Shown, Invalid, Granted, Denied}
	signInOutcomes        = []Outcome{OK, Refused, Throttled, Failed}
	refreshOutcomes       = []Outcome{OK, Repeated, Reused, Invalid, Refused, Unknown, Unavailable}
	providerOutcomes      = []Outcome{OK, Refused, Failed}
	statementOutcomes     = []Outcome{OK, Failed}
	callOutcomes          = []Outcome{OK, Error, Failed, Canceled}

	grantTypes       = []string{"authorization_code", "refresh_token"}
	unknownEndpoints = []string{RouteAuthorize, RouteConsent, RouteCallback, RouteToken, RouteRevoke, RouteIntrospect, RouteManage}
	statementKinds   = []string{"read", "write", "batch", "access"}
	unreadableTables = []string{"oauth_clients", "mcpkeep_users", "mcpkeep_grants", "mcpkeep_authorizations", "mcpkeep_refresh_tokens", "mcpkeep_refused_accounts", otherName}
)

// otherName is the label of what has no label of its own.
const otherName = "other"

// Bounds of histograms, in seconds.
var (
	requestBounds   = []float64{0.005, 0.025, 0.1, 0.5, 2.5, 10}
	statementBounds = []float64{0.001, 0.005, 0.025, 0.1, 0.5, 2.5}
	outsideBounds   = []float64{0.05, 0.25, 1, 4, 15, 60}
)
