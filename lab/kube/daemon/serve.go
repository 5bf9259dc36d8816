package daemon

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/ptplab/ptplab/lab/node"
)

// headerTimeout is how long a client may take to say what it wants.
const headerTimeout = 10 * time.Second

// servers are what the daemon serves.
type servers []*http.Server

// serve listens at all addresses. A server that ends by itself fails the daemon.
func serve(n *node.Node, o Options, fail func(error)) (servers, error) {
	var all servers
	for _, s := range []struct {
		listen  func() (net.Listener, error)
		handler http.Handler
	}{
		{tcp(o.MetricsAddress), n.Handler()},
		{tcp(o.ReadyAddress), withStatus(n)},
		{func() (net.Listener, error) { return listenUnix(o.Socket) }, stateHandler(n)},
	} {
		l, err := s.listen()
		if err != nil {
			all.close()
			return nil, fmt.Errorf("serve: %w", err)
		}
		server := &http.Server{Handler: s.handler, ReadHeaderTimeout: headerTimeout}
		all = append(all, server)
		go func() {
			if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
				fail(fmt.Errorf("serve at %s: %w", l.Addr(), err))
			}
		}()
	}
	return all, nil
}

func (s servers) close() {
	for _, one := range s {
		_ = one.Close() // what is open is cut off, and there is nobody to tell
	}
}

func tcp(address string) func() (net.Listener, error) {
	return func() (net.Listener, error) { return net.Listen("tcp", address) }
}

// listenUnix listens at a path, which a server that was killed may have left behind.
func listenUnix(path string) (net.Listener, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, err
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	return net.Listen("unix", path)
}

// withStatus serves, beside what linuxptp-daemon does, the node's status at /status.
func withStatus(n *node.Node) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/", n.Handler())
	mux.HandleFunc("GET /status", func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, n.Status()) })
	return mux
}

func writeJSON(w http.ResponseWriter, value any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(value) // a client that is gone is no fault
}
