// Package cloudrun holds the files of deploy/cloudrun, and what the program does as a service
// of Cloud Run, against the stand-ins of internal/gcp/gcptest: the settings in the files start
// the program, the script runs the commands that it prints, and log lines have the form that
// Cloud Logging reads.
package cloudrun
