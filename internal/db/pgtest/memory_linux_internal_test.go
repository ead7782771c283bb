package pgtest

import (
	"path/filepath"
	"testing"
)

func TestInMemory(t *testing.T) {
	memory := memoryDir()
	if memory == "" {
		t.Skip("no memory file system with enough room")
	}
	c, err := Start(InMemory())
	mustHave(t, err)
	defer func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	}()
	if got := filepath.Dir(c.dir); got != memory {
		t.Errorf("the data is in %s, want %s", got, memory)
	}
}
