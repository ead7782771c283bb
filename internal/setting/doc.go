// Package setting reads the values of settings, which may be in files, and describes an
// invalid one: what is wrong, and what is accepted. The command line prints it, and
// doctor shows its parts.
package setting
