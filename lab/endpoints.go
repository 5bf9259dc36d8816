package lab

import (
	"errors"
	"fmt"
	"net"
	"net/http"

	"github.com/ptplab/ptplab/lab/netns"
)

// The ports on which linuxptp-daemon serves, in each worker's own namespace.
const (
	metricsPort = 9091 // /metrics
	readyPort   = 8081 // /ready
)

// endpoints are the servers of one worker.
type endpoints struct{ servers []*http.Server }

// serve starts the endpoints of a worker. Their sockets belong to its namespace, whichever thread serves them.
func (p place) serve(handler http.Handler) (*endpoints, error) {
	ns, err := p.open()
	if err != nil {
		return nil, err
	}
	defer ns.Close()
	e := &endpoints{}
	for _, port := range []int{metricsPort, readyPort} {
		var l net.Listener
		err := netns.Do(ns, func() (err error) {
			l, err = net.Listen("tcp", fmt.Sprintf(":%d", port))
			return err
		})
		if err != nil {
			return nil, errors.Join(fmt.Errorf("serve port %d of %s: %w", port, p.owner, err), e.close())
		}
		s := &http.Server{Handler: handler}
		e.servers = append(e.servers, s)
		go s.Serve(l) // ends with close
	}
	return e, nil
}

func (e *endpoints) close() error {
	var faults []error
	for _, s := range e.servers {
		faults = append(faults, s.Close())
	}
	return errors.Join(faults...)
}

// closeEndpoints ends the servers of an owner and its notification service, if it has any.
func (w *World) closeEndpoints(owner string) error {
	w.closeNotifier(owner)
	w.mu.Lock()
	e := w.endpoints[owner]
	delete(w.endpoints, owner)
	w.mu.Unlock()
	if e == nil {
		return nil
	}
	return e.close()
}

// openEndpoints starts the servers of a worker, unless they run, and its notification service.
func (w *World) openEndpoints(owner string, handler http.Handler) error {
	w.mu.Lock()
	_, runs := w.endpoints[owner]
	w.mu.Unlock()
	if runs {
		return nil
	}
	e, err := w.place(owner).serve(handler)
	if err != nil {
		return err
	}
	w.mu.Lock()
	w.endpoints[owner] = e
	w.mu.Unlock()
	return w.openNotifier(owner)
}
