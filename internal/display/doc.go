// Package display makes untrusted texts, such as the names of apps, safe to show on
// pages, in tool results and on terminals.
package display
