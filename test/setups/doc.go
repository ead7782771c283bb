// Package setups runs mcpkeep as people run it: behind Caddy, nginx and Envoy with the
// files of deploy/, and as the user of a container. What is missing on the machine is
// skipped, unless MCPKEEP_REQUIRE_PROXIES is set.
package setups
