// Package browser tests sign-in and consent in a real browser: what only a browser enforces
// (form-action across redirects, framing, SameSite cookies) and what only a user sees
// (keyboard, accessibility tree, history, screenshots). axe-core, from the npm package in node,
// looks at every page at 320 pixels in light, dark and forced colors, with usual, long and
// right-to-left names; out/pages has a picture of each. The tests need Chromium and the
// build tag browser.
package browser
