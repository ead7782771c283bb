package metrics

import "slices"

// Kind is the type of a family in Prometheus's format.
type Kind string

// The kinds.
const (
	Counter   Kind = "counter"
	Gauge     Kind = "gauge"
	Histogram Kind = "histogram"
	Summary   Kind = "summary"
)

// Family is what all series of one name have in common.
type Family struct {
	Name   string
	Kind   Kind
	Labels string // their names, separated by commas
	Help   string
}

// Families returns all that are exposed, in their order. docs/metrics.md has the same table.
func Families() []Family {
	return slices.Concat(requestFamilies, signInFamilies, outsideFamilies, databaseFamilies, stateFamilies, runtimeFamilies)
}

var requestFamilies = []Family{
	{"mcpkeep_requests_total", Counter, "route,status", "HTTP requests by route and class of status."},
	{"mcpkeep_request_duration_seconds", Histogram, "route", "Time from the head of a request to the end of its response; an event stream counts when it ends."},
	{"mcpkeep_outage_requests_total", Counter, "", "Requests with a token from memory, because the database was unreachable."},
}

var signInFamilies = []Family{
	{"mcpkeep_registrations_total", Counter, "outcome", "Client registrations by outcome."},
	{"mcpkeep_authorizations_total", Counter, "outcome", "Authorization requests and what became of them; most of those that are shown are decided later."},
	{"mcpkeep_sign_ins_total", Counter, "outcome", "Sign-ins at the provider, or with the local password, by outcome; those at /connections count, too."},
	{"mcpkeep_tokens_issued_total", Counter, "grant_type", "Token responses by grant type."},
	{"mcpkeep_refreshes_total", Counter, "outcome", "Refresh requests by outcome."},
	{"mcpkeep_clients_unknown_total", Counter, "endpoint", "Requests that name a client which is not registered, by endpoint."},
	{"mcpkeep_clients_readopted_total", Counter, "", "Clients that a user approved under an ID that was not registered, or with a further redirect URI."},
	{"mcpkeep_sessions_adopted_total", Counter, "", "Sessions taken over from FastMCP."},
	{"mcpkeep_events_total", Counter, "type", "Committed events of the audit trail by type."},
}

var outsideFamilies = []Family{
	{"mcpkeep_provider_requests_total", Counter, "outcome", "Requests to the sign-in provider by outcome."},
	{"mcpkeep_provider_request_duration_seconds", Histogram, "", "Time until the sign-in provider's response began."},
	{"mcpkeep_provider_unanswered_since_timestamp_seconds", Gauge, "", "When the first request since the provider's last response failed; 0 if the provider responded to the last one."},
	{"mcpkeep_provider_grace_seconds", Gauge, "", "How long sessions survive without the provider."},
	{"mcpkeep_upstream_calls_total", Counter, "upstream,outcome", "Calls of tools by upstream and outcome."},
	{"mcpkeep_upstream_call_duration_seconds", Histogram, "upstream", "Time that a call of a tool took."},
	{"mcpkeep_tool_calls_total", Counter, "upstream,tool,outcome", "Calls of tools by name, up to a number of names."},
	{"mcpkeep_upstream_up", Gauge, "upstream", "1 unless the last exchange with the upstream failed."},
	{"mcpkeep_upstream_processes", Gauge, "upstream", "Running processes of an upstream that speaks stdio."},
}

var databaseFamilies = []Family{
	{"mcpkeep_database_statements_total", Counter, "kind,outcome", "Steps at the database by kind and outcome."},
	{"mcpkeep_database_statement_duration_seconds", Histogram, "kind", "Time that a step at the database took, waiting for a connection and repeats included."},
	{"mcpkeep_database_connections", Gauge, "state", "Open connections to the database."},
	{"mcpkeep_database_connections_max", Gauge, "", "Maximum number of connections to the database."},
	{"mcpkeep_database_connection_waits_total", Counter, "", "Statements that waited for a connection."},
	{"mcpkeep_database_connection_wait_seconds_total", Counter, "", "Time that statements waited for a connection."},
	{"mcpkeep_database_up", Gauge, "", "1 if the database answered and would accept a write."},
	{"mcpkeep_database_clock_offset_seconds", Gauge, "", "How far the database server's clock is ahead of this process's."},
	{"mcpkeep_unreadable_rows_total", Counter, "table", "Encrypted values that could not be decrypted, by table."},
}

var stateFamilies = []Family{
	{"mcpkeep_clients", Gauge, "", "Registered clients."},
	{"mcpkeep_clients_max", Gauge, "", "Maximum number of clients; 0 for any number."},
	{"mcpkeep_grants_live", Gauge, "", "Connections that users have approved and that have not ended."},
	{"mcpkeep_users", Gauge, "", "Users on record."},
	{"mcpkeep_encryption_key_info", Gauge, "key_id", "1 for each encryption key that the database needs."},
	{"mcpkeep_encryption_keys_missing", Gauge, "", "Encryption keys that the database needs and this process does not have."},
	{"mcpkeep_schema_version", Gauge, "", "Version of the database schema."},
	{"mcpkeep_build_info", Gauge, "version,goversion", "1, with the version of the program."},
	{"mcpkeep_start_time_seconds", Gauge, "", "When the program started."},
}

// runtimeFamilies are those of the Go runtime and of the process that every dashboard knows.
var runtimeFamilies = []Family{
	{"go_info", Gauge, "version", "1, with the version of Go."},
	{"go_goroutines", Gauge, "", "Goroutines."},
	{"go_threads", Gauge, "", "Threads of the operating system."},
	{"go_gc_duration_seconds", Summary, "quantile", "Pauses of the garbage collector."},
	{"go_memstats_alloc_bytes", Gauge, "", "Allocated bytes in use."},
	{"go_memstats_alloc_bytes_total", Counter, "", "Bytes allocated so far."},
	{"go_memstats_heap_alloc_bytes", Gauge, "", "Bytes of the heap in use."},
	{"go_memstats_heap_idle_bytes", Gauge, "", "Bytes of the heap that wait to be used."},
	{"go_memstats_heap_inuse_bytes", Gauge, "", "Bytes of the heap in spans that are in use."},
	{"go_memstats_heap_objects", Gauge, "", "Allocated objects."},
	{"go_memstats_heap_released_bytes", Gauge, "", "Bytes of the heap returned to the operating system."},
	{"go_memstats_heap_sys_bytes", Gauge, "", "Bytes of the heap obtained from the operating system."},
	{"go_memstats_last_gc_time_seconds", Gauge, "", "When the last garbage collection ended."},
	{"go_memstats_mallocs_total", Counter, "", "Objects allocated so far."},
	{"go_memstats_frees_total", Counter, "", "Objects freed so far."},
	{"go_memstats_next_gc_bytes", Gauge, "", "Size of the heap at which the next garbage collection begins."},
	{"go_memstats_stack_inuse_bytes", Gauge, "", "Bytes of stacks in use."},
	{"go_memstats_sys_bytes", Gauge, "", "Bytes obtained from the operating system."},
	{"process_cpu_seconds_total", Counter, "", "Processor time used."},
	{"process_open_fds", Gauge, "", "Open file descriptors."},
	{"process_max_fds", Gauge, "", "Maximum number of open file descriptors."},
	{"process_resident_memory_bytes", Gauge, "", "Resident memory."},
	{"process_virtual_memory_bytes", Gauge, "", "Virtual memory."},
	{"process_start_time_seconds", Gauge, "", "When the process started."},
}
