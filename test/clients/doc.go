// Package clients connects real MCP clients, with their own OAuth code, to the
// real program: sign in, call tools, refresh, lose the server to kill -9, ask for
// more scope, have the connection ended. Jobs with tokens for scripts use curl and job.py. The tests are behind the build tag
// clients; scripts/node.sh and scripts/python.sh provide what the clients run on.
//
// A client that is not Go is a process in one of the folders, whose first argument
// is a [setup] in JSON, and which talks with the test in lines of JSON. The test
// says what to do, and gets a result or an error:
//
//	{"do": "connect"}                               {"result": null}
//	{"do": "call", "tool": "T", "arguments": {}}    {"result": {"isError": false, "structured": {}, "content": []}}
//	{"do": "askFor", "scope": "S"}                  {"error": "why not"}
//	{"do": "version"}                               {"result": "1.0.0"}
//
// In between the client may ask for a browser, {"open": "URL"}. The test signs in
// as a person does and says where that led, {"answer": "URL"}; a client with a
// server of its own for the answer gets it there instead.
package clients
