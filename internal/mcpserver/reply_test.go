package mcpserver_test

import (
	"net/http"
	"testing"
)

// reply is an HTTP answer.
type reply struct {
	t      *testing.T
	status int
	header http.Header
	raw    string
	json   map[string]any
}

func (r reply) result() map[string]any {
	result, _ := r.json["result"].(map[string]any)
	return result
}

func (r reply) code() float64 {
	rpcError, _ := r.json["error"].(map[string]any)
	code, _ := rpcError["code"].(float64)
	return code
}

func (r reply) isError() bool { return r.result()["isError"] == true }

func (r reply) text() string {
	content, _ := r.result()["content"].([]any)
	if len(content) != 1 {
		r.t.Fatalf("want one content block: %s", r.raw)
	}
	block, _ := content[0].(map[string]any)
	text, _ := block["text"].(string)
	return text
}

// structured returns structuredContent of a successful call.
func (r reply) structured() map[string]any {
	r.t.Helper()
	s, ok := r.result()["structuredContent"].(map[string]any)
	if !ok || r.isError() {
		r.t.Fatalf("no structured content: %s", r.raw)
	}
	return s
}

// noNull fails when a value is null, except the id of an answer to nothing.
func noNull(t *testing.T, path string, v any) {
	t.Helper()
	switch v := v.(type) {
	case nil:
		if path != "$.id" {
			t.Errorf("%s is null", path)
		}
	case map[string]any:
		for k, member := range v {
			noNull(t, path+"."+k, member)
		}
	case []any:
		for _, element := range v {
			noNull(t, path+"[]", element)
		}
	}
}
