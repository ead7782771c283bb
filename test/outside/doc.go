// Package outside looks at the real program as somebody does who got hold of
// the database, its file, or the log, after a full run: no secret may be in
// any of them. The tests are behind the build tag chaos.
package outside
