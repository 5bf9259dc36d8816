package events

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"syscall"
)

// InProcess is an http.RoundTripper that hands requests to handlers of this process, by the host of their URL. A host
// that is not there, or a handler that breaks off (http.ErrAbortHandler), refuses the connection. Sockets take no part,
// so it works where the two sides share no network.
type InProcess map[string]http.Handler

// RoundTrip serves one request.
func (p InProcess) RoundTrip(r *http.Request) (answer *http.Response, err error) {
	if r.Body != nil {
		defer r.Body.Close()
	}
	handler := p[r.URL.Host]
	if handler == nil {
		return nil, fmt.Errorf("connect to %s: %w", r.URL.Host, syscall.ECONNREFUSED)
	}
	defer func() {
		if broke := recover(); broke == http.ErrAbortHandler {
			answer, err = nil, fmt.Errorf("connect to %s: %w", r.URL.Host, syscall.ECONNREFUSED)
		} else if broke != nil {
			panic(broke)
		}
	}()
	served := r.Clone(r.Context())
	served.Host, served.RequestURI = r.URL.Host, r.URL.RequestURI()
	if served.Body == nil {
		served.Body = http.NoBody
	}
	w := &recorder{header: http.Header{}}
	handler.ServeHTTP(w, served)
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	return w.response(r), nil
}

// recorder keeps what a handler answers.
type recorder struct {
	header http.Header
	code   int
	body   bytes.Buffer
}

// Header gives the headers of the answer.
func (w *recorder) Header() http.Header { return w.header }

// WriteHeader sets the status; only the first call counts.
func (w *recorder) WriteHeader(code int) {
	if w.code == 0 {
		w.code = code
	}
}

// Write adds to the body.
func (w *recorder) Write(b []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	return w.body.Write(b)
}

func (w *recorder) response(r *http.Request) *http.Response {
	w.WriteHeader(http.StatusOK)
	return &http.Response{
		Status: fmt.Sprintf("%d %s", w.code, http.StatusText(w.code)), StatusCode: w.code, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: w.header, Body: io.NopCloser(&w.body), ContentLength: int64(w.body.Len()), Request: r,
	}
}
