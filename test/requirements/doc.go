// Package requirements holds what mcpkeep has to fulfil, requirement by
// requirement (requirements.tsv), against the tests that show it, and keeps
// docs/requirements.md. A requirement with neither a test nor a reason why it does
// not apply fails the tests.
package requirements
