package fetch_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/fetch"
)

// TestFreshness: RFC 9111.
func TestFreshness(t *testing.T) {
	t.Parallel()
	date := time.Now().Add(-time.Hour).UTC()
	stamp := func(d time.Duration) string { return date.Add(d).Format(http.TimeFormat) }
	for name, tt := range map[string]struct {
		header http.Header
		want   time.Duration
		dated  bool
	}{
		"nothing":                     {nil, 0, false},
		"max-age":                     {http.Header{"Cache-Control": {"max-age=60"}}, time.Minute, true},
		"in upper case, with spaces":  {http.Header{"Cache-Control": {" Public ,  MAX-AGE=60 "}}, time.Minute, true},
		"quoted":                      {http.Header{"Cache-Control": {`max-age="60"`}}, time.Minute, true},
		"s-maxage goes first":         {http.Header{"Cache-Control": {"max-age=60, s-maxage=120"}}, 2 * time.Minute, true},
		"two lines":                   {http.Header{"Cache-Control": {"public", "max-age=60"}}, time.Minute, true},
		"max-age goes before Expires": {http.Header{"Cache-Control": {"max-age=60"}, "Expires": {stamp(24 * time.Hour)}}, time.Minute, true},
		"age counts":                  {http.Header{"Cache-Control": {"max-age=60"}, "Age": {"45"}}, 15 * time.Second, true},
		"older than it may be":        {http.Header{"Cache-Control": {"max-age=60"}, "Age": {"99"}}, 0, true},
		"no-store":                    {http.Header{"Cache-Control": {"no-store, max-age=60"}}, 0, true},
		"no-cache":                    {http.Header{"Cache-Control": {"no-cache"}}, 0, true},
		"private":                     {http.Header{"Cache-Control": {"private, max-age=60"}}, 0, true},
		"negative":                    {http.Header{"Cache-Control": {"max-age=-1"}}, 0, true},
		"no number":                   {http.Header{"Cache-Control": {"max-age=soon"}}, 0, true},
		"beyond any number":           {http.Header{"Cache-Control": {"max-age=99999999999999999999999"}}, 365 * 24 * time.Hour, true},
		"Expires":                     {http.Header{"Expires": {stamp(time.Minute)}, "Date": {stamp(0)}}, time.Minute, true},
		"expired":                     {http.Header{"Expires": {stamp(-time.Minute)}, "Date": {stamp(0)}}, 0, true},
		"Expires 0":                   {http.Header{"Expires": {"0"}}, 0, true},
		"first of two":                {http.Header{"Cache-Control": {"max-age=60, max-age=999"}}, time.Minute, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
				for key, values := range tt.header {
					w.Header()[key] = values
				}
				writeJSON(w, "{}")
			})
			got, err := s.fetcher().Get(t.Context(), s.url+"/x", "")
			if err != nil || got.FreshFor != tt.want || got.Dated != tt.dated {
				t.Errorf("got %v, %t, %v; want %v, %t", got.FreshFor, got.Dated, err, tt.want, tt.dated)
			}
		})
	}
}

// TestETag: what is sent back is what a tag may be.
func TestETag(t *testing.T) {
	t.Parallel()
	for tag, want := range map[string]string{
		`"a"`: `"a"`, `W/"a"`: `W/"a"`, `""`: `""`, `a`: "", `"a`: "", `"a"b"`: "", `w/"a"`: "", `"a b"`: "", `"`: "", "": "",
	} {
		s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header()["Etag"] = []string{tag}
			writeJSON(w, "{}")
		})
		got, err := s.fetcher(func(*fetch.Config) {}).Get(t.Context(), s.url+"/x", "")
		if err != nil || got.ETag != want {
			t.Errorf("%s: got %q, %v", tag, got.ETag, err)
		}
	}
}
