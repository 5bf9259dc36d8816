package management

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"os"
	"time"

	"github.com/facebook/time/ptp/protocol"
)

// answerTimeout bounds the wait for an answer when the context has no deadline. ptp4l answers within one turn of its loop.
const answerTimeout = 2 * time.Second

// maxQueue bounds the notifications that are kept while an answer is awaited.
const maxQueue = 256

// Address says where a ptp4l listens and how to reach it.
type Address struct {
	Server string   // ptp4l's uds_address, "/var/run/ptp4l.0.socket"
	Local  string   // path of our end, which ptp4l must see under the same name; it is made and removed
	Port   uint16   // our port number; two clients of one ptp4l that subscribe need different ones
	Domain uint8    // PTP domainNumber; ptp4l is silent towards others
	Mount  *os.File // mount namespace in which the paths mean what they say, /proc/PID/ns/mnt; nil: ours
}

// Client is a connection to one ptp4l. It is not safe for use by several goroutines, but Close may come from any.
type Client struct {
	address  Address
	conn     *net.UnixConn
	sequence uint16
	queue    []*message // notifications that came while an answer was awaited
}

// Dial connects to ptp4l. It needs CAP_SYS_ADMIN when the address names a mount namespace.
func Dial(a Address) (*Client, error) {
	c := &Client{address: a}
	err := inMount(a.Mount, func() error {
		if err := os.Remove(a.Local); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
		conn, err := net.DialUnix("unixgram", &net.UnixAddr{Name: a.Local, Net: "unixgram"}, &net.UnixAddr{Name: a.Server, Net: "unixgram"})
		c.conn = conn
		if err != nil {
			_ = os.Remove(a.Local) // bound, perhaps, though not connected
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("connect to ptp4l at %s: %w", a.Server, err)
	}
	return c, nil
}

// Close ends the connection, wakes whoever waits on it, and removes our end's path.
func (c *Client) Close() error {
	err := c.conn.Close()
	if gone := inMount(c.address.Mount, func() error { return os.Remove(c.address.Local) }); gone != nil && !errors.Is(gone, os.ErrNotExist) {
		err = errors.Join(err, gone)
	}
	return err
}

// DefaultDataSet asks for DEFAULT_DATA_SET.
func (c *Client) DefaultDataSet(ctx context.Context) (*DefaultDataSet, error) {
	return get[DefaultDataSet](ctx, c, protocol.IDDefaultDataSet, 0)
}

// CurrentDataSet asks for CURRENT_DATA_SET.
func (c *Client) CurrentDataSet(ctx context.Context) (*CurrentDataSet, error) {
	return get[CurrentDataSet](ctx, c, protocol.IDCurrentDataSet, 0)
}

// ParentDataSet asks for PARENT_DATA_SET.
func (c *Client) ParentDataSet(ctx context.Context) (*ParentDataSet, error) {
	return get[ParentDataSet](ctx, c, protocol.IDParentDataSet, 0)
}

// TimePropertiesDataSet asks for TIME_PROPERTIES_DATA_SET.
func (c *Client) TimePropertiesDataSet(ctx context.Context) (*TimePropertiesDataSet, error) {
	return get[TimePropertiesDataSet](ctx, c, protocol.IDTimePropertiesDataSet, 0)
}

// PortDataSet asks for PORT_DATA_SET of one port, from 1.
func (c *Client) PortDataSet(ctx context.Context, port uint16) (*PortDataSet, error) {
	return get[PortDataSet](ctx, c, protocol.IDPortDataSet, port)
}

// TimeStatusNP asks for TIME_STATUS_NP.
func (c *Client) TimeStatusNP(ctx context.Context) (*TimeStatusNP, error) {
	return get[TimeStatusNP](ctx, c, protocol.IDTimeStatusNP, 0)
}

// GrandmasterSettingsNP asks for GRANDMASTER_SETTINGS_NP.
func (c *Client) GrandmasterSettingsNP(ctx context.Context) (*GrandmasterSettingsNP, error) {
	return get[GrandmasterSettingsNP](ctx, c, idGrandmasterSettingsNP, 0)
}

// PortDataSetNP asks for PORT_DATA_SET_NP of one port, from 1.
func (c *Client) PortDataSetNP(ctx context.Context, port uint16) (*PortDataSetNP, error) {
	return get[PortDataSetNP](ctx, c, idPortDataSetNP, port)
}

// get asks for one data set.
func get[T any](ctx context.Context, c *Client, id protocol.ManagementID, port uint16) (*T, error) {
	m, err := c.ask(ctx, protocol.GET, id, port, nil)
	if err != nil {
		return nil, err
	}
	return unpack[T](m)
}

// Subscribe asks ptp4l to notify us of events for the given time, at most 65535 s. Subscribing again renews. ptp4l
// writes a line into its log when a subscription ends for want of renewal.
func (c *Client) Subscribe(ctx context.Context, events Events, lasting time.Duration) error {
	s := subscription{Seconds: uint16(min(max(lasting/time.Second, 1), 65535))}
	s.Mask[0] = uint8(events)
	var body bytes.Buffer
	_ = binary.Write(&body, binary.BigEndian, s.Seconds)
	body.Write(s.Mask[:])
	_, err := c.ask(ctx, protocol.SET, idSubscribeEventsNP, 0, body.Bytes())
	return err
}

// Next waits for a notification: a *PortDataSet, *TimeStatusNP or *ParentDataSet. Only the context bounds the wait.
func (c *Client) Next(ctx context.Context) (any, error) {
	for {
		var m *message
		if len(c.queue) > 0 {
			m, c.queue = c.queue[0], c.queue[1:]
		} else {
			var err error
			if m, err = c.receive(ctx, 0); err != nil {
				return nil, err
			}
		}
		switch m.ID {
		case protocol.IDPortDataSet:
			return unpack[PortDataSet](m)
		case protocol.IDTimeStatusNP:
			return unpack[TimeStatusNP](m)
		case protocol.IDParentDataSet:
			return unpack[ParentDataSet](m)
		}
	}
}

// ask sends a question and waits for its answer. Notifications that come first are kept for Next.
func (c *Client) ask(ctx context.Context, action protocol.Action, id protocol.ManagementID, port uint16, body []byte) (*message, error) {
	c.sequence++
	b := encode(action, id, c.address.Port, c.sequence, c.address.Domain, port, body)
	if _, err := c.conn.Write(b); err != nil {
		return nil, fmt.Errorf("ask ptp4l at %s: %w", c.address.Server, err)
	}
	for {
		m, err := c.receive(ctx, answerTimeout)
		var status protocol.ManagementErrorID
		if err != nil && !errors.As(err, &status) {
			return nil, fmt.Errorf("data set %#04x of ptp4l at %s: %w", uint16(id), c.address.Server, err)
		}
		if m.ID == id && m.SequenceID == c.sequence {
			return m, err
		}
		if err == nil && len(c.queue) < maxQueue {
			c.queue = append(c.queue, m)
		}
	}
}

// receive reads one message. A timeout of 0 means that only the context ends the wait.
func (c *Client) receive(ctx context.Context, timeout time.Duration) (*message, error) {
	deadline, bounded := ctx.Deadline()
	if !bounded && timeout > 0 {
		deadline = time.Now().Add(timeout)
	}
	if err := c.conn.SetReadDeadline(deadline); err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { _ = c.conn.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	b := make([]byte, maxMessage)
	n, err := c.conn.Read(b)
	if err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, err
	}
	return decode(b[:n])
}
