package agent

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"runtime/debug"
	"sync"
	"time"
)

// Handler does the operations. It is called for one request at a time on each stream.
type Handler func(ctx context.Context, req *Request) (result any, err error)

// Request is one operation that somebody outside asked for.
type Request struct {
	Op   string
	args json.RawMessage
	s    *stream
}

// Decode puts the arguments into v.
func (r *Request) Decode(v any) error {
	if err := json.Unmarshal(r.args, v); err != nil {
		return Errorf("usage", "arguments of %s: %v", r.Op, err)
	}
	return nil
}

// Event tells the caller something while the operation runs.
func (r *Request) Event(v any) error {
	raw, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encode event of %s: %w", r.Op, err)
	}
	return r.s.write(frame{Event: raw})
}

// Input waits for the caller's next input and puts it into v. In a lab with virtual time, no time passes
// while it waits. It returns io.EOF when the caller is gone.
func (r *Request) Input(v any) error {
	f, err := r.s.next()
	if err != nil {
		return err
	}
	return json.Unmarshal(f.Input, v)
}

// Serve answers requests on conn until the caller hangs up, which cancels what is running for it.
func Serve(ctx context.Context, conn Conn, handle Handler) error {
	s := newStream(conn)
	defer close(s.closed)
	defer conn.Close()
	for {
		f, err := s.next()
		if err == nil {
			err = s.answer(ctx, f, handle)
		}
		if errors.Is(err, io.EOF) || errors.Is(err, errHangup) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

var errHangup = errors.New("caller hung up")

// stream is the agent's end. On a Poller, reading waits in the caller's goroutine, since it stops everything
// anyway; elsewhere a goroutine reads ahead, so that a hang-up is seen at once.
type stream struct {
	conn   Conn
	poller Poller // nil where reading stops nothing
	r      *bufio.Reader
	rmu    sync.Mutex
	rest   []byte // of a Poller: what Poll read; guarded by rmu
	ahead  chan result
	wmu    sync.Mutex
	gone   chan struct{} // closed when the caller has hung up
	closed chan struct{} // closed when Serve returns
	once   sync.Once
}

type result struct {
	f   frame
	err error
}

func newStream(conn Conn) *stream {
	s := &stream{conn: conn, gone: make(chan struct{}), closed: make(chan struct{})}
	if p, ok := conn.(Poller); ok {
		s.poller = p
		s.r = bufio.NewReaderSize(readerFunc(s.readPolled), 64<<10)
		return s
	}
	s.r = bufio.NewReaderSize(conn, 64<<10)
	s.ahead = make(chan result)
	go s.readAhead()
	return s
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

func (s *stream) readPolled(p []byte) (int, error) {
	s.rmu.Lock()
	defer s.rmu.Unlock()
	if len(s.rest) > 0 {
		n := copy(p, s.rest)
		s.rest = s.rest[n:]
		return n, nil
	}
	return s.conn.Read(p)
}

func (s *stream) readAhead() {
	for {
		f, err := readFrame(s.r)
		if err != nil {
			s.hangup()
		}
		select {
		case s.ahead <- result{f, err}:
		case <-s.closed:
			return
		}
		if err != nil {
			return
		}
	}
}

func (s *stream) hangup() { s.once.Do(func() { close(s.gone) }) }

func (s *stream) next() (frame, error) {
	if s.poller != nil {
		return readFrame(s.r)
	}
	r := <-s.ahead
	return r.f, r.err
}

func (s *stream) write(f frame) error {
	s.wmu.Lock()
	defer s.wmu.Unlock()
	if err := writeFrame(s.conn, f); err != nil {
		s.hangup()
		return fmt.Errorf("%w: %w", errHangup, err)
	}
	return nil
}

// look sees on a Poller whether the caller is still there. Where the operation is reading from it, that sees it too.
func (s *stream) look() {
	if s.poller == nil || !s.rmu.TryLock() {
		return
	}
	defer s.rmu.Unlock()
	buf := make([]byte, 4096)
	n, err := s.poller.Poll(buf)
	s.rest = append(s.rest, buf[:n]...)
	if err != nil {
		s.hangup()
	}
}

// answer runs one operation, showing now and then that it lives and seeing whether the caller does.
func (s *stream) answer(ctx context.Context, f frame, handle Handler) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	done := make(chan frame, 1)
	go func() { done <- run(ctx, &Request{Op: f.Op, args: f.Args, s: s}, handle) }()

	every := heartbeat
	if s.poller != nil {
		every = stillHeartbeat
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	gone := s.gone
	for {
		select {
		case end := <-done:
			return s.write(end)
		case <-gone:
			cancel(errHangup)
			gone = nil
		case now := <-tick.C:
			s.look()
			s.write(frame{Clock: now.UnixNano()})
		}
	}
}

// run turns what handle returns, or a panic in it, into the last frame.
func run(ctx context.Context, req *Request, handle Handler) (end frame) {
	defer func() {
		if p := recover(); p != nil {
			end = frame{Error: Errorf("panic", "%s: panic: %v\n%s", req.Op, p, debug.Stack())}
		}
	}()
	v, err := handle(ctx, req)
	if err != nil {
		var e *Error
		if !errors.As(err, &e) {
			e = &Error{Message: err.Error()}
		} else {
			e = &Error{Kind: e.Kind, Message: err.Error()}
		}
		return frame{Error: e}
	}
	raw, err := json.Marshal(v)
	if err != nil {
		return frame{Error: Errorf("", "encode result of %s: %v", req.Op, err)}
	}
	return frame{Result: raw}
}
