// Package pages renders the HTML that a person sees while an app is being
// connected: sign-in, consent, problem and done. Every page is one
// self-contained document without script or remote content, sent with headers
// that forbid both. What a client says about itself is treated as hostile and
// shown as a claim. The package knows no storage and no OAuth state.
package pages
