package lab

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"sync"
	"time"

	"github.com/ptplab/ptplab/lab/events"
	"github.com/ptplab/ptplab/lab/netns"
	"github.com/ptplab/ptplab/lab/node"
)

// eventsPort is where a worker's notification API is, as that of upstream's cloud-event-proxy.
const eventsPort = 9043

// notifierDelay is the time, of the lab, between a crash of a notification service and its next start.
const notifierDelay = time.Second

// notifier is the notification service of a worker: a server that listens in the worker's network namespace, and a
// supervisor that starts it again after a crash.
type notifier struct {
	place  place
	node   *node.Node // whose events it tells
	server *events.Server
	log    *slog.Logger

	mu    sync.Mutex
	http  *http.Server // nil while the service is down
	again *time.Timer  // starts it after a crash
	over  bool         // it is not started again
}

// newNotifier makes a service that does not run yet.
func newNotifier(p place, n *node.Node, log *slog.Logger) (*notifier, error) {
	server, err := events.New(events.Options{
		Name: p.owner, Node: n, Store: filepath.Join(p.workDir(), "subscriptions.json"), Transport: p.transport(), Log: log,
	})
	return &notifier{place: p, node: n, server: server, log: log}, err
}

// start lets the service listen and publish.
func (s *notifier) start() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.over || s.http != nil {
		return nil
	}
	listener, err := s.place.listen(fmt.Sprintf(":%d", eventsPort))
	if err != nil {
		return err
	}
	if err := s.server.Start(); err != nil {
		listener.Close()
		return err
	}
	s.http = logged(s.log)
	s.http.Handler = s.server
	go s.http.Serve(listener) // ends with end
	return nil
}

// end breaks off all that the service does.
func (s *notifier) end() {
	if s.again != nil {
		s.again.Stop()
	}
	if s.http != nil {
		s.http.Close()
		s.http = nil
	}
	s.server.Crash()
}

// crash ends the service now and lets it start again after notifierDelay, with the subscriptions that it has stored.
func (s *notifier) crash() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.end()
	s.again = time.AfterFunc(notifierDelay, func() {
		if err := s.start(); err != nil {
			s.log.Error("notification service does not start again", "node", s.place.owner, "error", err)
		}
	})
}

// close ends the service for good.
func (s *notifier) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.over = true
	s.end()
}

// listen opens a socket in the network namespace of a place, to which it belongs whichever thread serves it.
func (p place) listen(address string) (net.Listener, error) {
	var l net.Listener
	err := p.inside(func() (err error) {
		l, err = net.Listen("tcp", address)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("listen at %s of %s: %w", address, p.owner, err)
	}
	return l, nil
}

// transport carries requests from inside a place, each over a connection of its own: an idle one would wake up virtual
// time.
func (p place) transport() *http.Transport {
	dialer := &net.Dialer{FallbackDelay: -1} // below 0, all is done by the thread that asks, which is in the namespace
	return &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
		var conn net.Conn
		err := p.inside(func() (err error) {
			conn, err = dialer.DialContext(ctx, network, address)
			return err
		})
		return conn, err
	}}
}

// inside calls a function in the network namespace of a place.
func (p place) inside(do func() error) error {
	ns, err := p.open()
	if err != nil {
		return err
	}
	defer ns.Close()
	return netns.Do(ns, do)
}
