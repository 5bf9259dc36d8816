package agent

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"
)

// serve answers on one end of a stream and returns a client on the other. What Serve returns comes from the channel.
func serve(t *testing.T, handle Handler) (*Client, <-chan error) {
	t.Helper()
	here, there := net.Pipe()
	c := NewClient(here)
	served := make(chan error, 1)
	go func() { served <- Serve(t.Context(), there, handle) }()
	t.Cleanup(func() { c.Close() })
	return c, served
}

// limit is a context that ends a test which hangs.
func limit(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func TestCallWithEventsAndResult(t *testing.T) {
	c, served := serve(t, func(_ context.Context, req *Request) (any, error) {
		var n int
		if err := req.Decode(&n); err != nil {
			return nil, err
		}
		for i := range n {
			if err := req.Event(map[string]int{"at": i}); err != nil {
				return nil, err
			}
		}
		return req.Op + " done", nil
	})
	for n := range 4 { // several calls on one stream
		var result string
		var events []string
		err := c.Call(limit(t), "count", n, &result, func(raw json.RawMessage) { events = append(events, string(raw)) })
		if err != nil || result != "count done" {
			t.Fatalf("call %d: %q, %v", n, result, err)
		}
		if len(events) != n || n > 0 && events[n-1] != fmt.Sprintf(`{"at":%d}`, n-1) {
			t.Errorf("call %d: events %q", n, events)
		}
	}
	c.Close()
	if err := <-served; err != nil {
		t.Errorf("Serve after a hang-up: %v", err)
	}
}

func TestErrorsKeepKindAndText(t *testing.T) {
	plain := errors.New("mount /sys: no such device")
	for name, test := range map[string]struct {
		err        error
		kind, text string
	}{
		"plain":   {plain, "", "mount /sys: no such device"},
		"kind":    {Errorf("usage", "there is no port %s", "w1/x"), "usage", "there is no port w1/x"},
		"wrapped": {fmt.Errorf("link: %w", Errorf("usage", "no such port")), "usage", "link: no such port"},
	} {
		c, _ := serve(t, func(context.Context, *Request) (any, error) { return nil, test.err })
		err := c.Call(limit(t), "link", nil, nil, nil)
		var e *Error
		if !errors.As(err, &e) || KindOf(err) != test.kind || err.Error() != test.text {
			t.Errorf("%s: kind %q, %v, want kind %q, %s", name, KindOf(err), err, test.kind, test.text)
		}
	}
	if kind := KindOf(plain); kind != "" {
		t.Errorf("an error from elsewhere has kind %q", kind)
	}
}

func TestWrongArgumentsAreUsage(t *testing.T) {
	c, _ := serve(t, func(_ context.Context, req *Request) (any, error) {
		var n int
		return nil, req.Decode(&n)
	})
	if err := c.Call(limit(t), "run", "a while", nil, nil); KindOf(err) != "usage" || !strings.Contains(err.Error(), "arguments of run") {
		t.Errorf("a string for a number: kind %q, %v", KindOf(err), err)
	}
}

func TestPanicIsAnAnswer(t *testing.T) {
	c, _ := serve(t, func(_ context.Context, req *Request) (any, error) {
		if req.Op == "boom" {
			panic("no such luck")
		}
		return "fine", nil
	})
	err := c.Call(limit(t), "boom", nil, nil, nil)
	if KindOf(err) != "panic" || !strings.Contains(err.Error(), "boom: panic: no such luck") || !strings.Contains(err.Error(), "agent_test.go") {
		t.Errorf("a panic in the handler: kind %q, %v", KindOf(err), err)
	}
	var result string
	if err := c.Call(limit(t), "next", nil, &result, nil); err != nil || result != "fine" {
		t.Errorf("the call after a panic: %q, %v", result, err)
	}
}

func TestResultThatIsNoJSON(t *testing.T) {
	c, _ := serve(t, func(context.Context, *Request) (any, error) { return func() {}, nil })
	if err := c.Call(limit(t), "run", nil, nil, nil); err == nil || !strings.Contains(err.Error(), "encode result of run") {
		t.Errorf("a result that cannot be sent: %v", err)
	}
}

func TestInput(t *testing.T) {
	c, _ := serve(t, func(_ context.Context, req *Request) (any, error) {
		for {
			var word string
			if err := req.Input(&word); err != nil {
				return nil, err
			}
			if word == "" {
				return "bye", nil
			}
			req.Event(strings.ToUpper(word))
		}
	})
	call, err := c.Start(limit(t), "shout", nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, word := range []string{"a", "bc"} {
		if err := call.Input(word); err != nil {
			t.Fatal(err)
		}
		if ev, err := call.Next(nil); err != nil || string(ev) != `"`+strings.ToUpper(word)+`"` {
			t.Errorf("%s: event %s, %v", word, ev, err)
		}
	}
	if err := call.Input(""); err != nil {
		t.Fatal(err)
	}
	var result string
	if _, err := call.Next(&result); !errors.Is(err, io.EOF) || result != "bye" {
		t.Errorf("the end: %q, %v", result, err)
	}
}

// TestHangupCancels covers both kinds of stream: one that reads ahead, and one that has to look.
func TestHangupCancels(t *testing.T) {
	for name, wrap := range map[string]func(net.Conn) Conn{
		"stream": func(c net.Conn) Conn { return c },
		"poller": func(c net.Conn) Conn { return &pollable{Conn: c} },
	} {
		t.Run(name, func(t *testing.T) {
			here, there := socketPair(t)
			began, cause := make(chan struct{}), make(chan error, 1)
			served := make(chan error, 1)
			go func() {
				served <- Serve(t.Context(), wrap(there), func(ctx context.Context, _ *Request) (any, error) {
					close(began)
					<-ctx.Done()
					cause <- context.Cause(ctx)
					return nil, ctx.Err()
				})
			}()
			c := NewClient(here)
			ctx, cancel := context.WithCancelCause(limit(t))
			mine := errors.New("the user has gone")
			failed := make(chan error, 1)
			go func() { failed <- c.Call(ctx, "wait", nil, nil, nil) }()
			<-began
			cancel(mine)
			if err := <-failed; !errors.Is(err, mine) {
				t.Errorf("the cancelled call: %v, want its cause", err)
			}
			if err := <-cause; !errors.Is(err, errHangup) {
				t.Errorf("the handler's context ended by %v", err)
			}
			if err := <-served; err != nil {
				t.Errorf("Serve: %v", err)
			}
		})
	}
}

// TestPollerSharesItsStream has a caller that types while the operation looks whether it is still there: nothing
// may get lost or change order between the two readers.
func TestPollerSharesItsStream(t *testing.T) {
	here, there := socketPair(t)
	const words = 200
	served := make(chan error, 1)
	go func() {
		s := newStream(&pollable{Conn: there})
		stop := make(chan struct{})
		go func() {
			for {
				select {
				case <-stop:
					return
				default:
					s.look()
				}
			}
		}()
		defer close(stop)
		req := &Request{Op: "type", s: s}
		for i := range words {
			var got int
			if err := req.Input(&got); err != nil || got != i {
				served <- fmt.Errorf("input %d is %d, %w", i, got, err)
				return
			}
		}
		served <- nil
	}()
	for i := range words {
		if err := writeFrame(here, frame{Input: json.RawMessage(fmt.Sprint(i))}); err != nil {
			t.Fatal(err)
		}
	}
	select {
	case err := <-served:
		if err != nil {
			t.Error(err)
		}
	case <-limit(t).Done():
		t.Error("input was lost")
	}
}

// pollable is a stream on which Poll waits for next to nothing.
type pollable struct{ net.Conn }

func (p *pollable) Poll(b []byte) (int, error) {
	p.SetReadDeadline(time.Now().Add(time.Millisecond))
	defer p.SetReadDeadline(time.Time{})
	n, err := p.Conn.Read(b)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		err = nil
	}
	return n, err
}

func socketPair(t *testing.T) (here, there net.Conn) {
	t.Helper()
	l, err := net.Listen("unix", t.TempDir()+"/s")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if here, err = net.Dial("unix", l.Addr().String()); err != nil {
		t.Fatal(err)
	}
	if there, err = l.Accept(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { here.Close(); there.Close() })
	return here, there
}

func TestStuck(t *testing.T) {
	here, there := net.Pipe()
	go io.Copy(io.Discard, there) // it listens and says nothing
	c := NewClient(here)
	c.Patience = 30 * time.Millisecond
	err := c.Call(limit(t), "run", nil, nil, nil)
	if !errors.Is(err, ErrStuck) || !strings.Contains(err.Error(), "30ms") {
		t.Errorf("a lab that says nothing: %v, want ErrStuck", err)
	}
}

// TestSignsOfLifeExtendPatience has an operation that takes longer than the patience, but shows that it lives.
func TestSignsOfLifeExtendPatience(t *testing.T) {
	here, there := net.Pipe()
	go func() {
		readFrame(bufio.NewReader(there))
		tick := time.NewTicker(50 * time.Millisecond)
		defer tick.Stop()
		for range 10 {
			<-tick.C
			writeFrame(there, frame{Clock: 1})
		}
		writeFrame(there, frame{Result: json.RawMessage(`"late"`)})
	}()
	c := NewClient(here)
	c.Patience = 300 * time.Millisecond
	var result string
	if err := c.Call(limit(t), "run", nil, &result, nil); err != nil || result != "late" {
		t.Errorf("%q, %v", result, err)
	}
}

func TestGone(t *testing.T) {
	for name, end := range map[string]func(net.Conn){
		"before it reads": func(c net.Conn) { c.Close() }, // with unread bytes: a reset
		"after it reads":  func(c net.Conn) { readFrame(bufio.NewReader(c)); c.Close() },
		"half a frame":    func(c net.Conn) { readFrame(bufio.NewReader(c)); io.WriteString(c, `{"res`); c.Close() },
	} {
		here, there := socketPair(t)
		c := NewClient(here)
		call, err := c.Start(limit(t), "run", nil)
		if err != nil {
			t.Fatal(err)
		}
		end(there)
		if err := call.Wait(nil, nil); !errors.Is(err, ErrGone) {
			t.Errorf("%s: %v, want ErrGone", name, err)
		}
	}
	here, there := socketPair(t)
	there.Close()
	if err := NewClient(here).Call(limit(t), "run", nil, nil, nil); !errors.Is(err, ErrGone) {
		t.Errorf("a call to a lab that has gone: %v, want ErrGone", err)
	}
}

func TestFrames(t *testing.T) {
	long := strings.Repeat("x", 200<<10) // more than the reader's buffer
	for name, test := range map[string]struct {
		in, want string // a part of the error; "" for none
	}{
		"empty object":  {"{}\n", ""},
		"long line":     {`{"op":"` + long + `"}` + "\n", ""},
		"unknown key":   {`{"op":"up","more":1}` + "\n", ""},
		"no newline":    {`{"op":"up"}`, "EOF"},
		"not JSON":      {"PTP\n", "decode frame"},
		"wrong type":    {`{"op":1}` + "\n", "decode frame"},
		"binary":        {"\x00\xff\n", "decode frame"},
		"an empty line": {"\n", "decode frame"},
	} {
		_, err := readFrame(bufio.NewReaderSize(strings.NewReader(test.in), 64<<10))
		if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
			t.Errorf("%s: %v, want %q", name, err, test.want)
		}
	}
}

// endless is a line without an end.
type endless struct{ read int }

func (e *endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'x'
	}
	e.read += len(p)
	return len(p), nil
}

func TestOversizedFrame(t *testing.T) {
	e := &endless{}
	if _, err := readFrame(bufio.NewReaderSize(e, 1<<20)); err == nil || !strings.Contains(err.Error(), "longer than") {
		t.Errorf("a frame without an end: %v", err)
	}
	if e.read > maxFrame+2<<20 {
		t.Errorf("%d bytes were read of a frame that may have %d", e.read, maxFrame)
	}
}

func TestServeRefusesGarbage(t *testing.T) {
	here, there := net.Pipe()
	go func() { io.WriteString(here, "GET / HTTP/1.1\r\n") }()
	err := Serve(t.Context(), there, func(context.Context, *Request) (any, error) { return nil, nil })
	if err == nil || !strings.Contains(err.Error(), "decode frame") {
		t.Errorf("garbage: %v", err)
	}
}

func FuzzReadFrame(f *testing.F) {
	for _, s := range []string{"{}\n", `{"op":"up","args":{"plan":null}}` + "\n", `{"event":[1,2]}` + "\n", `{"error":{"kind":"usage","message":"no"}}` + "\n", "\n", "{", `{"clock":-1}` + "\n"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := readFrame(bufio.NewReader(strings.NewReader(string(data))))
		if err != nil {
			return
		}
		var text strings.Builder
		if err := writeFrame(&text, got); err != nil {
			t.Fatalf("a frame that was read cannot be written: %v", err)
		}
		again, err := readFrame(bufio.NewReader(strings.NewReader(text.String())))
		if err != nil || again.Op != got.Op || again.Clock != got.Clock || (again.Error == nil) != (got.Error == nil) {
			t.Fatalf("%+v became %+v, %v", got, again, err)
		}
	})
}
