package events

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"
)

// Options say for which node a Server is. Name and Node are needed.
type Options struct {
	Name      string            // of the node, as in resource addresses
	Node      Node              //
	Store     string            // file that keeps the subscriptions; empty: a restart forgets them
	Transport http.RoundTripper // carries events to their endpoints; nil: http.DefaultTransport
	Timeout   time.Duration     // of the delivery of one event; 0: 10 s
	Log       *slog.Logger      // nil: none
}

// defaultTimeout is how long an endpoint may take to answer.
const defaultTimeout = 10 * time.Second

// Server is the notification API of a node. It serves and publishes between Start and Stop or Crash; at other times a
// request is broken off without an answer, as by a process that is not there. Its methods may be called from any
// goroutine.
type Server struct {
	o  Options
	mu sync.Mutex
	// life is what a process would have in its memory; nil while there is none.
	life *life
}

// New makes a Server that does not run yet.
func New(o Options) (*Server, error) {
	if o.Name == "" || o.Node == nil {
		return nil, errors.New("events: Name and Node are needed")
	}
	if o.Transport == nil {
		o.Transport = http.DefaultTransport
	}
	if o.Timeout <= 0 {
		o.Timeout = defaultTimeout
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Server{o: o}, nil
}

// Start reads the stored subscriptions, tells each subscriber the current state of its resource as far as it is known,
// and publishes from then on.
func (s *Server) Start() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.life != nil {
		return fmt.Errorf("events of %s: already started", s.o.Name)
	}
	subscriptions, err := load(s.o.Store)
	if err != nil {
		return fmt.Errorf("events of %s: %w", s.o.Name, err)
	}
	s.life = begin(s.o, subscriptions)
	return nil
}

// Crash ends the server as SIGKILL ends a process: what is not delivered is lost, and nothing more is stored.
func (s *Server) Crash() {
	if l := s.take(); l != nil {
		l.end()
	}
}

// Stop delivers what is waiting, or as much as ctx lets it, and ends the server. Subscriptions stay stored.
func (s *Server) Stop(ctx context.Context) {
	if l := s.take(); l != nil {
		l.drain(ctx)
		l.end()
	}
}

func (s *Server) take() *life {
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.life
	s.life = nil
	return l
}

// ServeHTTP serves the API.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	l := s.life
	s.mu.Unlock()
	if l == nil {
		panic(http.ErrAbortHandler)
	}
	l.api.ServeHTTP(w, r)
}
