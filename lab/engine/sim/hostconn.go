package sim

import (
	"errors"
	"fmt"
	"io"

	"golang.org/x/sys/unix"

	"github.com/ptplab/ptplab/lab/agent"
)

// Accept waits for the next caller. Where time travels, the guest stands still while it waits, and the
// stream is an agent.Poller.
func (g *Guest) Accept() (agent.Conn, error) {
	var fd int
	_, err := retry(func() (n int, err error) {
		fd, err = unix.Open("/dev/hostchan", unix.O_RDWR|unix.O_CLOEXEC, 0)
		return 0, err
	})
	if err != nil {
		return nil, fmt.Errorf("open /dev/hostchan: %w", err)
	}
	if g.Mode == Real {
		return &hostConn{fd: fd}, nil
	}
	return &stillConn{hostConn{fd: fd}}, nil
}

// hostConn is one stream to a program on the host. It reads and writes with plain system calls: the runtime's
// poller would let time pass.
type hostConn struct{ fd int }

// Read waits for the host.
func (c *hostConn) Read(p []byte) (int, error) {
	n, err := retry(func() (int, error) { return unix.Read(c.fd, p) })
	if err == nil && n == 0 && len(p) > 0 {
		return 0, io.EOF
	}
	return n, hangup(err)
}

// Write waits until the host has taken all of p.
func (c *hostConn) Write(p []byte) (int, error) {
	done := 0
	for done < len(p) {
		n, err := retry(func() (int, error) { return unix.Write(c.fd, p[done:]) })
		if err != nil {
			return done, hangup(err)
		}
		done += n
	}
	return done, nil
}

// Close hangs up.
func (c *hostConn) Close() error { return unix.Close(c.fd) }

// stillConn is a hostConn on which Read stops the guest's time.
type stillConn struct{ hostConn }

// Poll reads what is there. It returns 0, nil when nothing is, and io.EOF when the caller has hung up.
func (c *stillConn) Poll(p []byte) (int, error) {
	if err := unix.SetNonblock(c.fd, true); err != nil {
		return 0, err
	}
	n, err := c.Read(p)
	if errors.Is(err, unix.EAGAIN) {
		n, err = 0, nil
	}
	return n, errors.Join(err, unix.SetNonblock(c.fd, false))
}

func retry(call func() (int, error)) (int, error) {
	for {
		n, err := call()
		if !errors.Is(err, unix.EINTR) {
			return max(n, 0), err
		}
	}
}

func hangup(err error) error {
	if errors.Is(err, unix.ECONNRESET) || errors.Is(err, unix.EPIPE) {
		return io.EOF
	}
	return err
}
