package mcpserver_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
)

// TestIDsComeBackAsSent: the id of an answer is the text that was sent, in both eras,
// for results and for errors.
func TestIDsComeBackAsSent(t *testing.T) {
	t.Parallel()
	e := serve(t)
	ids := []string{
		"1", "0", "-7", "-0", "123456789012345", "9007199254740993", "18446744073709551615", "-9223372036854775809",
		"1" + strings.Repeat("0", 300), "1.0", "1.0e3", "1e-7", "0.1", `"a"`, `""`, `"1"`, `"9007199254740993"`,
		`"\u0041\/<>&\"]},{"`, `"\ud83d\ude00 😀"`, `"\u2028"`, `"` + strings.Repeat("x", 10_000) + `"`,
	}
	for _, id := range ids {
		for method, code := range map[string]string{"tools/list": "", "no/such": "error", "subscriptions/listen": "error"} {
			for _, body := range []string{
				`{"jsonrpc":"2.0","id":` + id + `,"method":"` + method + `","params":META}`,
				"{\n \"params\" : META ,\t\"method\":\"" + method + `", "x":{"id":[1,"]}"]}, "jsonrpc":"2.0","id" : ` + id + " }\n",
			} {
				for _, era := range eras {
					header := http.Header{"Mcp-Protocol-Version": {era}}
					meta := "{}"
					if era == modern {
						header.Set("Mcp-Method", method)
						meta = `{"_meta":{"io.modelcontextprotocol/protocolVersion":"` + modern + `","io.modelcontextprotocol/clientInfo":{"name":"id","version":"1"},"io.modelcontextprotocol/clientCapabilities":{}}}`
					}
					r := e.send(e.raw("ada", strings.ReplaceAll(body, "META", meta), header))
					var got struct {
						ID    json.RawMessage `json:"id"`
						Error json.RawMessage `json:"error"`
					}
					if err := json.Unmarshal([]byte(r.raw), &got); err != nil || string(got.ID) != id || (got.Error != nil) != (code != "") {
						t.Errorf("%s, %s, id %.80s: got %.80s, %v: %.200s", era, method, id, got.ID, err, r.raw)
					}
				}
			}
		}
	}
}

// TestNoIDs: without an id, or with one that is not valid, the response stays what it was.
func TestNoIDs(t *testing.T) {
	t.Parallel()
	e := serve(t)
	for body, want := range map[string]int{
		`{"jsonrpc":"2.0","method":"notifications/initialized"}`: http.StatusAccepted,
		`{"jsonrpc":"2.0","id":1,`:                               http.StatusBadRequest,
		`{"id"`:                                                  http.StatusBadRequest,
		`{"id":`:                                                 http.StatusBadRequest,
		`{"id":1.5e`:                                             http.StatusBadRequest,
		`{"id":"\`:                                               http.StatusBadRequest,
		`{"id":]`:                                                http.StatusBadRequest,
		`{`:                                                      http.StatusBadRequest,
		``:                                                       http.StatusBadRequest,
	} {
		if r := e.send(e.raw("ada", body, nil)); r.status != want {
			t.Errorf("%q: %d %s", body, r.status, r.raw)
		}
	}
}
