package agent

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"syscall"
	"time"
)

// ErrStuck is what a call fails with when the lab has shown no sign of life for Client.Patience: a program
// inside spins without letting time pass, or the kernel hangs.
var ErrStuck = errors.New("no sign of life from the lab")

// ErrGone is what a call fails with when the lab's end of the stream closed before the answer.
var ErrGone = errors.New("the lab's kernel is gone")

// Client calls the agent in a lab. It is for one call at a time.
type Client struct {
	conn     net.Conn
	r        *bufio.Reader
	Patience time.Duration // wall time without any frame after which a call is given up; 0 waits for ever
}

// NewClient makes calls over conn, which Close closes.
func NewClient(conn net.Conn) *Client {
	return &Client{conn: conn, r: bufio.NewReaderSize(conn, 64<<10)}
}

// Close ends the stream; the agent gives up what it was doing for it.
func (c *Client) Close() error { return c.conn.Close() }

// A Call is an operation in progress.
type Call struct {
	c    *Client
	ctx  context.Context
	stop func() bool
	once sync.Once
}

// Call runs op with args and decodes its result into result, which may be nil. Each event goes to onEvent,
// which may be nil. It returns an *Error for what failed inside, ErrStuck or ErrGone, or ctx's error.
func (c *Client) Call(ctx context.Context, op string, args, result any, onEvent func(json.RawMessage)) error {
	call, err := c.Start(ctx, op, args)
	if err != nil {
		return err
	}
	return call.Wait(result, onEvent)
}

// Start begins op and returns at once, for operations that take input while they run.
func (c *Client) Start(ctx context.Context, op string, args any) (*Call, error) {
	raw, err := json.Marshal(args)
	if err != nil {
		return nil, fmt.Errorf("encode arguments of %s: %w", op, err)
	}
	call := &Call{c: c, ctx: ctx}
	call.stop = context.AfterFunc(ctx, func() { c.conn.Close() })
	if err := writeFrame(c.conn, frame{Op: op, Args: raw}); err != nil {
		return nil, call.fail(fmt.Errorf("%s: %w: %w", op, ErrGone, err))
	}
	return call, nil
}

// Input sends v to the running operation.
func (call *Call) Input(v any) error {
	raw, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encode input: %w", err)
	}
	if err := writeFrame(call.c.conn, frame{Input: raw}); err != nil {
		return call.fail(fmt.Errorf("%w: %w", ErrGone, err))
	}
	return nil
}

// Next returns the next event, or io.EOF when the operation has ended, its result then being in result.
func (call *Call) Next(result any) (json.RawMessage, error) {
	for {
		if call.c.Patience > 0 {
			call.c.conn.SetReadDeadline(time.Now().Add(call.c.Patience))
		}
		f, err := readFrame(call.c.r)
		switch {
		case err != nil:
			return nil, call.fail(err)
		case f.Error != nil:
			call.end()
			return nil, f.Error
		case f.Event != nil:
			return f.Event, nil
		case f.Clock != 0:
			continue
		}
		call.end()
		if result != nil && f.Result != nil {
			if err := json.Unmarshal(f.Result, result); err != nil {
				return nil, fmt.Errorf("decode result: %w", err)
			}
		}
		return nil, io.EOF
	}
}

// Wait gives each event to onEvent and the result to result.
func (call *Call) Wait(result any, onEvent func(json.RawMessage)) error {
	for {
		ev, err := call.Next(result)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if onEvent != nil {
			onEvent(ev)
		}
	}
}

func (call *Call) end() { call.once.Do(func() { call.stop() }) }

// fail says why the stream broke: the caller's own doing comes first.
func (call *Call) fail(err error) error {
	call.end()
	if cause := context.Cause(call.ctx); cause != nil {
		return cause
	}
	var timeout net.Error
	switch {
	case errors.As(err, &timeout) && timeout.Timeout():
		return fmt.Errorf("%w for %s", ErrStuck, call.c.Patience)
	case errors.Is(err, io.EOF), errors.Is(err, net.ErrClosed), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET):
		return ErrGone
	}
	return err
}
