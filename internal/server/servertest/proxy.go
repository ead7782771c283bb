package servertest

import (
	"bytes"
	"io"
	"net/http"
)

// BodyFirst reads a request's body before a proxy sends it on. A server ends the body
// of a request once the answer begins; a proxy that still reads it then, if only to see
// its end, takes that for a failure and breaks off the answer.
func BodyFirst(proxy http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		r.Body, r.ContentLength, r.TransferEncoding = io.NopCloser(bytes.NewReader(body)), int64(len(body)), nil
		proxy.ServeHTTP(w, r)
	})
}
