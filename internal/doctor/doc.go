// Package doctor looks at everything that a deployment needs and says what is wrong,
// why that matters, and what mends it. It only reads, prints no secret, and is bounded
// in time.
package doctor
