// Package cloudrun checks the files in deploy/cloudrun against the types of Cloud Run's API.
package cloudrun
