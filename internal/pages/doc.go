// Package pages renders the HTML pages that a user sees while connecting an app: sign-in,
// consent, problem and done. Every page is a self-contained document without scripts or
// remote content, sent with headers that forbid both. What a client says about itself is
// treated as hostile and shown as a claim. The package knows neither storage nor OAuth state.
package pages
