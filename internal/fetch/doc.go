// Package fetch retrieves small public JSON documents from URLs that untrusted clients
// name, without giving them access to the server's network (CWE-918): it connects only to
// public addresses, follows no redirects and limits size and time. It knows HTTP, not OAuth.
package fetch
