// Package cloud runs the program as a Cloud Run service: a metadata server, a Secret Manager
// and the two doors of a Cloud SQL instance stand before a real PostgreSQL, and no password
// exists. They are internal/gcp/gcptest, written from Google's references. The tests are behind
// the build tag cloud.
//
// MCPKEEP_CLOUD_THAWS sets how often each case is frozen and thawed, MCPKEEP_CLOUD_STARTS
// how many processes start together, and MCPKEEP_CLOUD_ROLLOUTS how many revisions follow one
// another.
package cloud
