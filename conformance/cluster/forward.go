package cluster

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/httpstream"
	"k8s.io/client-go/tools/portforward"
	"k8s.io/client-go/transport/spdy"
)

// forwards are the connections through the API server to pods. Each carries any number of streams to ports of its pod. Nothing
// listens on this machine.
type forwards struct {
	system *System
	mu     sync.Mutex
	open   map[string]httpstream.Connection // by namespace/pod
	next   int                              // number of the next stream pair
}

func newForwards(s *System) *forwards {
	return &forwards{system: s, open: map[string]httpstream.Connection{}}
}

// podHost ends the host names of podURL, which nobody resolves.
const podHost = ".pod.invalid"

// podURL names a port of a pod for the client of forwards: "http://openshift-ptp.linuxptp-daemon-x.pod.invalid:9091".
func podURL(namespace, pod string, port int) string {
	return fmt.Sprintf("http://%s.%s%s:%d", namespace, pod, podHost, port)
}

// client is an HTTP client that reaches the ports of pods.
func (f *forwards) client() *http.Client {
	return &http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, address string) (net.Conn, error) {
			host, port, err := net.SplitHostPort(address)
			if err != nil {
				return nil, err
			}
			namespace, pod, ok := strings.Cut(strings.TrimSuffix(host, podHost), ".")
			number, err := strconv.Atoi(port)
			if !ok || err != nil {
				return nil, fmt.Errorf("%s is no port of a pod", address)
			}
			return f.dial(ctx, namespace, pod, number)
		},
		// An idle connection would outlive its pod.
		DisableKeepAlives: true,
	}}
}

// dial connects to a port of a pod, as the pod itself would to its localhost.
func (f *forwards) dial(ctx context.Context, namespace, pod string, port int) (net.Conn, error) {
	conn, fresh, err := f.connection(ctx, namespace, pod)
	if err != nil {
		return nil, err
	}
	stream, err := f.stream(conn, port)
	if err != nil && !fresh { // it may have died meanwhile
		f.drop(namespace, pod, conn)
		if conn, _, err = f.connection(ctx, namespace, pod); err != nil {
			return nil, err
		}
		stream, err = f.stream(conn, port)
	}
	if err != nil {
		f.drop(namespace, pod, conn)
		return nil, f.system.explain(err, "forward port %d of pod %s", port, pod)
	}
	return stream, nil
}

// connection is an open one, or a fresh one.
func (f *forwards) connection(ctx context.Context, namespace, pod string) (conn httpstream.Connection, fresh bool, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	key := namespace + "/" + pod
	if conn := f.open[key]; conn != nil {
		select {
		case <-conn.CloseChan():
		default:
			return conn, false, nil
		}
	}
	if err := ctx.Err(); err != nil {
		return nil, false, err
	}
	dialer, err := f.dialer(namespace, pod)
	if err != nil {
		return nil, false, f.system.explain(err, "forward ports of pod %s", pod)
	}
	conn, _, err = dialer.Dial(portforward.PortForwardProtocolV1Name)
	if err != nil {
		return nil, false, f.system.explain(err, "forward ports of pod %s", pod)
	}
	f.open[key] = conn
	return conn, true, nil
}

func (f *forwards) dialer(namespace, pod string) (httpstream.Dialer, error) {
	url := f.system.kube.CoreV1().RESTClient().Post().Namespace(namespace).Resource("pods").Name(pod).SubResource("portforward").URL()
	websocket, err := portforward.NewSPDYOverWebsocketDialer(url, f.system.config)
	if err != nil {
		return nil, err
	}
	transport, upgrader, err := spdy.RoundTripperFor(f.system.config)
	if err != nil {
		return nil, err
	}
	plain := spdy.NewDialer(upgrader, &http.Client{Transport: transport}, "POST", url)
	return portforward.NewFallbackDialer(websocket, plain, fallBack), nil
}

// stream opens the pair of streams that stands for one TCP connection: what fails on the way to the port comes in the first.
func (f *forwards) stream(conn httpstream.Connection, port int) (*podConn, error) {
	f.mu.Lock()
	id := strconv.Itoa(f.next)
	f.next++
	f.mu.Unlock()
	headers := http.Header{}
	headers.Set(corev1.StreamType, corev1.StreamTypeError)
	headers.Set(corev1.PortHeader, strconv.Itoa(port))
	headers.Set(corev1.PortForwardRequestIDHeader, id)
	faults, err := conn.CreateStream(headers)
	if err != nil {
		return nil, err
	}
	faults.Close() // nothing is written to it
	headers.Set(corev1.StreamType, corev1.StreamTypeData)
	data, err := conn.CreateStream(headers)
	if err != nil {
		conn.RemoveStreams(faults)
		return nil, err
	}
	c := &podConn{Stream: data, conn: conn, faults: faults, told: make(chan struct{})}
	go c.listen()
	return c, nil
}

func (f *forwards) drop(namespace, pod string, conn httpstream.Connection) {
	f.mu.Lock()
	defer f.mu.Unlock()
	conn.Close()
	if key := namespace + "/" + pod; f.open[key] == conn {
		delete(f.open, key)
	}
}

// leave closes the connection to a pod, if there is one.
func (f *forwards) leave(namespace, pod string) {
	f.mu.Lock()
	conn := f.open[namespace+"/"+pod]
	f.mu.Unlock()
	if conn != nil {
		f.drop(namespace, pod, conn)
	}
}

func (f *forwards) close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for key, conn := range f.open {
		conn.Close()
		delete(f.open, key)
	}
}

// podConn is a TCP connection that ends in a pod.
type podConn struct {
	httpstream.Stream
	conn   httpstream.Connection
	faults httpstream.Stream
	told   chan struct{} // closed when the far end has said all that it has to say of faults
	fault  error         // valid then
}

// listen reads what the far end says of faults: "connection refused".
func (c *podConn) listen() {
	defer close(c.told)
	text, err := io.ReadAll(c.faults)
	if err == nil && len(text) > 0 {
		c.fault = errors.New(strings.TrimSpace(string(text)))
	}
}

// Read gives what came. The end of a connection that failed is its fault.
func (c *podConn) Read(p []byte) (int, error) {
	n, err := c.Stream.Read(p)
	if n > 0 || err == nil {
		return n, err
	}
	<-c.told // the far end closes both streams together
	if c.fault != nil {
		return 0, c.fault
	}
	return 0, err
}

// Close ends both directions.
func (c *podConn) Close() error {
	c.faults.Reset()
	err := c.Stream.Reset()
	c.conn.RemoveStreams(c.Stream, c.faults)
	return err
}

func (c *podConn) LocalAddr() net.Addr              { return podAddr{} }
func (c *podConn) RemoteAddr() net.Addr             { return podAddr{} }
func (c *podConn) SetDeadline(time.Time) error      { return nil }
func (c *podConn) SetReadDeadline(time.Time) error  { return nil }
func (c *podConn) SetWriteDeadline(time.Time) error { return nil }

// podAddr stands where an address must be.
type podAddr struct{}

func (podAddr) Network() string { return "pod" }
func (podAddr) String() string  { return "pod" }
