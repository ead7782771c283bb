// Package recheck asks the sign-in provider whether a user may still sign in: on each
// refresh, in the background of calls that come long after its last answer, and once for
// concurrent requests on all replicas. Only a definite refusal ends a session; without an
// answer, the session lasts for a grace period. It knows no HTTP.
package recheck
