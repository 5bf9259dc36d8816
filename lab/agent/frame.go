// Package agent is how ptplab outside a lab talks to ptplab inside its kernel: one call at a time over a byte
// stream, with events while it runs. It knows nothing of labs; package lab says which operations there are.
//
// The stream carries lines of JSON. The caller sends a request and, where the operation asks for it, input
// frames; the agent sends events and, last, a result or an error.
package agent

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"
)

// maxFrame bounds one line of the stream. Five minutes of time error of a hundred clocks fit.
const maxFrame = 64 << 20

// frame is one line of the stream, in either direction.
type frame struct {
	Op     string          `json:"op,omitempty"`     // a request: the operation
	Args   json.RawMessage `json:"args,omitempty"`   // its arguments
	Input  json.RawMessage `json:"input,omitempty"`  // for a running operation
	Event  json.RawMessage `json:"event,omitempty"`  // from a running operation
	Clock  int64           `json:"clock,omitempty"`  // a sign of life: the lab's time, ns since 1970
	Result json.RawMessage `json:"result,omitempty"` // the end, when all went well
	Error  *Error          `json:"error,omitempty"`  // the end, when it did not
}

// Error is what an operation inside the lab failed with.
type Error struct {
	Kind    string `json:"kind,omitempty"` // a word that callers act on, such as "usage"; mostly empty
	Message string `json:"message"`
}

// Error is the message alone: where it happened is part of it.
func (e *Error) Error() string { return e.Message }

// KindOf is the kind of the first *Error in err's chain, or "".
func KindOf(err error) string {
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return ""
}

// Errorf makes an *Error of a kind.
func Errorf(kind, format string, args ...any) *Error {
	return &Error{Kind: kind, Message: fmt.Sprintf(format, args...)}
}

// Conn is the stream. A net.Conn is one; so is the guest's end of a sim lab.
type Conn interface {
	io.ReadWriteCloser
}

// Poller is a Conn on which a plain Read stops the lab's time, as in a lab with virtual time. Poll reads
// what is there without waiting; it returns 0, nil when nothing is.
type Poller interface {
	Conn
	Poll(p []byte) (int, error)
}

// How often, in the lab's time, a running operation shows that it lives and sees whether its caller does. Where time is
// virtual, seconds pass in a blink, and each look stops the whole lab.
const (
	heartbeat      = time.Second
	stillHeartbeat = 5 * time.Second // of a Poller
)

func writeFrame(w io.Writer, f frame) error {
	line, err := json.Marshal(f)
	if err != nil {
		return fmt.Errorf("encode frame: %w", err)
	}
	_, err = w.Write(append(line, '\n'))
	return err
}

func readFrame(r *bufio.Reader) (frame, error) {
	var f frame
	line, err := readLine(r)
	if err != nil {
		return f, err
	}
	if err := json.Unmarshal(line, &f); err != nil {
		return f, fmt.Errorf("decode frame %.80q: %w", line, err)
	}
	return f, nil
}

func readLine(r *bufio.Reader) ([]byte, error) {
	var line []byte
	for {
		part, err := r.ReadSlice('\n')
		line = append(line, part...)
		if err == nil {
			return line, nil
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return nil, err
		}
		if len(line) > maxFrame {
			return nil, fmt.Errorf("frame longer than %d bytes", maxFrame)
		}
	}
}
