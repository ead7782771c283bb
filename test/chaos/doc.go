// Package chaos breaks things under the real program and looks at what clients
// notice: kill -9 under load, replicas, a database that goes away, full and
// read-only disks, wrong keys, keys that change. The tests are behind the build tag chaos.
//
// MCPKEEP_CHAOS_SEED repeats a run's random choices, MCPKEEP_CHAOS_KILLS sets
// how often each engine's server is killed, MCPKEEP_CHAOS_PROVIDER_KILLS how often
// while it asks the sign-in provider.
package chaos
