// Package doctor checks a deployment and reports what is wrong, why it matters, and how
// to fix it. It only reads, prints no secret, and is bounded in time.
package doctor
