package metrics

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	vm "github.com/VictoriaMetrics/metrics"
)

// Metrics are the counters of one program. Methods may be called concurrently, and on nil.
type Metrics struct {
	set *vm.Set

	requests                                                    map[string][]*vm.Counter // by route and class of status
	requestTook                                                 map[string]*vm.PrometheusHistogram
	registrations, authorizations, signIns, refreshes, provider map[string]*vm.Counter
	issued, unknown, events, unreadable                         map[string]*vm.Counter
	statements                                                  map[string]map[string]*vm.Counter // by kind and outcome
	statementTook                                               map[string]*vm.PrometheusHistogram
	outages, readopted, adopted                                 *vm.Counter
	providerTook                                                *vm.PrometheusHistogram
	unansweredSince                                             atomic.Int64 // Unix seconds; 0 after a response

	calls calls

	mu      sync.Mutex
	sources []Source
}

// New returns metrics with every fixed series at zero. eventTypes are the types of the audit
// trail.
func New(eventTypes []string) *Metrics {
	m := &Metrics{set: vm.NewSet()}
	m.requests, m.requestTook = map[string][]*vm.Counter{}, m.histograms("mcpkeep_request_duration_seconds", "route", requestBounds, routes)
	for _, route := range routes {
		for _, class := range statusClasses {
			name := fmt.Sprintf("mcpkeep_requests_total{route=%q,status=%q}", route, class)
			m.requests[route] = append(m.requests[route], m.set.NewCounter(name))
		}
	}
	m.registrations = counters(m, "mcpkeep_registrations_total", "outcome", registrationOutcomes)
	m.authorizations = counters(m, "mcpkeep_authorizations_total", "outcome", authorizationOutcomes)
	m.signIns = counters(m, "mcpkeep_sign_ins_total", "outcome", signInOutcomes)
	m.refreshes = counters(m, "mcpkeep_refreshes_total", "outcome", refreshOutcomes)
	m.provider = counters(m, "mcpkeep_provider_requests_total", "outcome", providerOutcomes)
	m.issued = counters(m, "mcpkeep_tokens_issued_total", "grant_type", grantTypes)
	m.unknown = counters(m, "mcpkeep_clients_unknown_total", "endpoint", unknownEndpoints)
	m.events = counters(m, "mcpkeep_events_total", "type", eventTypes)
	m.unreadable = counters(m, "mcpkeep_unreadable_rows_total", "table", unreadableTables)
	m.statements, m.statementTook = map[string]map[string]*vm.Counter{}, m.histograms("mcpkeep_database_statement_duration_seconds", "kind", statementBounds, statementKinds)
	for _, kind := range statementKinds {
		m.statements[kind] = counters(m, fmt.Sprintf("mcpkeep_database_statements_total{kind=%q}", kind), "outcome", statementOutcomes)
	}
	m.outages = m.set.NewCounter("mcpkeep_outage_requests_total")
	m.readopted = m.set.NewCounter("mcpkeep_clients_readopted_total")
	m.adopted = m.set.NewCounter("mcpkeep_sessions_adopted_total")
	m.providerTook = m.set.NewPrometheusHistogramExt("mcpkeep_provider_request_duration_seconds", outsideBounds)
	m.calls.set = m.set
	return m
}

// counters returns a counter for each value of a label. The name may have labels already.
func counters[T ~string](m *Metrics, name, label string, values []T) map[string]*vm.Counter {
	list := make(map[string]*vm.Counter, len(values))
	for _, value := range values {
		list[string(value)] = m.set.NewCounter(withLabel(name, label, string(value)))
	}
	return list
}

func (m *Metrics) histograms(name, label string, bounds []float64, values []string) map[string]*vm.PrometheusHistogram {
	list := make(map[string]*vm.PrometheusHistogram, len(values))
	for _, value := range values {
		list[value] = m.set.NewPrometheusHistogramExt(withLabel(name, label, value), bounds)
	}
	return list
}

// withLabel adds a label to the name of a series.
func withLabel(name, label, value string) string {
	if last := len(name) - 1; name[last] == '}' {
		return fmt.Sprintf("%s,%s=%q}", name[:last], label, value)
	}
	return fmt.Sprintf("%s{%s=%q}", name, label, value)
}

// inc adds one to the counter of a value, and nothing for a value that has none.
func inc[T ~string](list map[string]*vm.Counter, value T) {
	if c := list[string(value)]; c != nil {
		c.Inc()
	}
}

// Request counts a request that ended. A status of 0 is none.
func (m *Metrics) Request(route string, status int, took time.Duration) {
	if m == nil {
		return
	}
	const hundred = 100
	if class := m.requests[route]; status/hundred < len(class) {
		class[status/hundred].Inc()
		m.requestTook[route].Update(took.Seconds())
	}
}

// Registration counts a client registration.
func (m *Metrics) Registration(o Outcome) {
	if m != nil {
		inc(m.registrations, o)
	}
}

// Authorization counts an authorization request, or a decision about one.
func (m *Metrics) Authorization(o Outcome) {
	if m != nil {
		inc(m.authorizations, o)
	}
}

// SignIn counts a sign-in.
func (m *Metrics) SignIn(o Outcome) {
	if m != nil {
		inc(m.signIns, o)
	}
}

// Issued counts a response with tokens.
func (m *Metrics) Issued(grantType string) {
	if m != nil {
		inc(m.issued, grantType)
	}
}

// Refresh counts a refresh request.
func (m *Metrics) Refresh(o Outcome) {
	if m != nil {
		inc(m.refreshes, o)
	}
}

// UnknownClient counts a request that names a client which is not registered.
func (m *Metrics) UnknownClient(endpoint string) {
	if m != nil {
		inc(m.unknown, endpoint)
	}
}

// Readopted counts a client that was approved under an unknown ID.
func (m *Metrics) Readopted() {
	if m != nil {
		m.readopted.Inc()
	}
}

// Outage counts a request that was served from memory.
func (m *Metrics) Outage() {
	if m != nil {
		m.outages.Inc()
	}
}

// adoptedEvent is the type of the event that a session taken over has.
const adoptedEvent = "grant_adopted"

// Committed counts an event of the audit trail.
func (m *Metrics) Committed(eventType string) {
	if m == nil {
		return
	}
	inc(m.events, eventType)
	if eventType == adoptedEvent {
		m.adopted.Inc()
	}
}

// Unreadable counts a value that could not be decrypted.
func (m *Metrics) Unreadable(table string) {
	if m == nil {
		return
	}
	if m.unreadable[table] == nil {
		table = otherName
	}
	m.unreadable[table].Inc()
}

// Statement counts a step at the database.
func (m *Metrics) Statement(kind string, took time.Duration, failed bool) {
	if m == nil || m.statements[kind] == nil {
		return
	}
	outcome := OK
	if failed {
		outcome = Failed
	}
	inc(m.statements[kind], outcome)
	m.statementTook[kind].Update(took.Seconds())
}
