// Package browser tests sign-in and consent in a real browser: what only a browser enforces
// (form-action across redirects, framing, SameSite cookies) and what only a user sees
// (keyboard, accessibility tree, history, screenshots). The tests need Chromium and the
// build tag browser.
package browser
