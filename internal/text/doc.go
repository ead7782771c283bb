// Package text makes what strangers chose, such as the names of apps, fit to be
// shown: on pages, in answers of tools, and on terminals.
package text
