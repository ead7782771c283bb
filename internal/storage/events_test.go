package storage_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// TestEventTypes: every type that there is can be asked for.
func TestEventTypes(t *testing.T) {
	t.Parallel()
	file, err := parser.ParseFile(token.NewFileSet(), "events.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var types []storage.EventType
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || len(spec.Values) != 1 {
			return true
		}
		if name, ok := spec.Type.(*ast.Ident); ok && name.Name == "EventType" {
			value, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
			if err != nil {
				t.Fatal(err)
			}
			types = append(types, storage.EventType(value))
		}
		return true
	})
	if got := storage.EventTypes(); len(types) == 0 || !slices.Equal(got, types) {
		t.Errorf("EventTypes() = %v\nwant %v", got, types)
	}
}

// TestFirstEventID: it is not above any id of its millisecond and above all of the
// one before.
func TestFirstEventID(t *testing.T) {
	t.Parallel()
	for range 100 {
		id := storage.NewOrderedID(storage.EventIDPrefix, time.Now())
		at, ok := storage.EventIDTime(id)
		if !ok || time.Since(at) > time.Minute {
			t.Fatalf("EventIDTime(%s) = %v, %v", id, at, ok)
		}
		if storage.FirstEventID(at) > id || storage.FirstEventID(at.Add(time.Millisecond)) <= id {
			t.Errorf("%s is not between %s and the next millisecond", id, storage.FirstEventID(at))
		}
	}
	for _, id := range []string{"", "ev_", "ev_zzzzzzzz-zzzz-7000", "gr_01900000-0000-7000", "ev_0190"} {
		if at, ok := storage.EventIDTime(id); ok {
			t.Errorf("EventIDTime(%q) = %v", id, at)
		}
	}
	if got := storage.FirstEventID(time.Unix(-5, 0)); got != storage.FirstEventID(time.Unix(0, 0)) {
		t.Errorf("before 1970: %s", got)
	}
}
