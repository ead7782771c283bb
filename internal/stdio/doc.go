// Package stdio serves MCP's Streamable HTTP transport in front of MCP servers that speak
// stdio: processes that read and write JSON-RPC messages, one a line. It keeps the sessions of
// clients, gives each its process, and sees to it that no message meets another client's. It
// trusts its caller to have checked the access token, and takes the principal from the context.
package stdio
