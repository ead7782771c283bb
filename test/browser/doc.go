// Package browser tests sign-in and consent in a real browser: what only a
// browser enforces (form-action along redirects, framing, SameSite cookies) and
// what only a person sees (keyboard, accessibility tree, history, screenshots).
// Its tests need Chromium and run with the build tag browser.
package browser
