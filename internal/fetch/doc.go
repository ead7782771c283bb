// Package fetch gets small public JSON documents from addresses that strangers
// name, without becoming their way into the network behind this server (CWE-918):
// it connects to public addresses only, follows nothing, believes little and
// takes no more than it must. It knows HTTP and nothing of OAuth.
package fetch
