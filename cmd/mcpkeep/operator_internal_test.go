package main

import (
	"strings"
	"testing"
)

// TestOperator: the name in events is short and has no character that means something.
func TestOperator(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"alice": "operator:alice", "65532": "operator:65532", `CORP\alice b`: "operator:CORP_alice_b", "": "operator",
		"a\x1b[31m\nb": "operator:a__31m_b", strings.Repeat("x", 99): "operator:" + strings.Repeat("x", 32),
	} {
		if got := operatorCalled(name); got != want {
			t.Errorf("%q: %q, want %q", name, got, want)
		}
	}
}
