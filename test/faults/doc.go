// Package faults breaks what the real program stands on, under the load of clients that
// remember what was acknowledged to them: the network before and behind it, the database,
// its file, the processes. For each fault it counts what was acknowledged, what of that was
// lost, which revoked tokens still worked and which answers were wrong, and how long the
// longest answer and the recovery took. It prints the table, and -update writes it into
// docs/operations.md. The tests are behind the build tag faults.
//
// MCPKEEP_FAULTS_FOR is how long each fault is repeated, 5s by default.
package faults
