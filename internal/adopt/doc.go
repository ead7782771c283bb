// Package adopt takes over the sessions of a FastMCP server while it serves: a client
// presents a token that FastMCP issued, and keeps using it, or gets one of ours for it. It
// verifies the token, follows it to its session in the database, and asks the sign-in
// provider, by that session's own token there, who it is.
package adopt
