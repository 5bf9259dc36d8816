package operator

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"time"
)

// serveHealth answers /healthz always, and /readyz with 200 once the operator knows the cluster and its webhook serves.
func (o *Operator) serveHealth(ctx context.Context) error {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte("ok\n")) })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		if why := o.notReady(); why != "" {
			http.Error(w, why, http.StatusServiceUnavailable)
			return
		}
		w.Write([]byte("ok\n"))
	})
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", o.options.Health)
	if err != nil {
		return err
	}
	return o.serve(ctx, mux, listener)
}

// notReady says what readiness waits for, "" if nothing.
func (o *Operator) notReady() string {
	switch {
	case !o.areSynced():
		return "the cluster's objects are not all known yet"
	case !o.serving.up.Load():
		return "the webhook does not serve yet"
	}
	return ""
}

// How long a request's header may take to come, and the answers that are being given when a server ends.
const (
	headerWithin = 10 * time.Second
	endWithin    = 5 * time.Second
)

// serve answers until ctx ends.
func (o *Operator) serve(ctx context.Context, handler http.Handler, listener net.Listener) error {
	server := &http.Server{Handler: handler, ReadHeaderTimeout: headerWithin, ErrorLog: slog.NewLogLogger(o.options.Log.Handler(), slog.LevelWarn)}
	stop := context.AfterFunc(ctx, func() {
		end, cancel := context.WithTimeout(context.WithoutCancel(ctx), endWithin)
		defer cancel()
		if server.Shutdown(end) != nil {
			server.Close()
		}
	})
	defer stop()
	err := server.Serve(listener)
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}
