package fake

import (
	"bytes"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/gorilla/websocket"
	"k8s.io/apimachinery/pkg/util/httpstream"
	"k8s.io/apimachinery/pkg/util/httpstream/spdy"
	"k8s.io/client-go/tools/portforward"
)

// certificate is that of the server, for clients to trust.
func (a *API) certificate() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.server.Certificate().Raw})
}

func (a *API) exec(w http.ResponseWriter, r *http.Request, t target) {
	pod := a.Get("pods", t.namespace, t.name)
	if pod == nil || a.Exec == nil {
		notFound(w, t)
		return
	}
	query := r.URL.Query()
	run := func() Outcome { return a.Exec(t.name, query.Get("container"), query["command"]) }
	if websocket.IsWebSocketUpgrade(r) {
		a.execWebSocket(w, r, run)
		return
	}
	execSPDY(w, r, run)
}

// status is how the end of a program is told.
func (o Outcome) status() []byte {
	s := Object{"metadata": Object{}, "status": "Success"}
	if o.Exit != 0 {
		s = Object{
			"metadata": Object{}, "status": "Failure", "reason": "NonZeroExitCode", "message": "command terminated with non-zero exit code",
			"details": Object{"causes": []any{Object{"reason": "ExitCode", "message": strconv.Itoa(o.Exit)}}},
		}
	}
	text, _ := json.Marshal(s)
	return text
}

func (a *API) execWebSocket(w http.ResponseWriter, r *http.Request, run func() Outcome) {
	if a.NoWS {
		fail(w, http.StatusBadRequest, "BadRequest", "no WebSockets here")
		return
	}
	upgrader := websocket.Upgrader{Subprotocols: []string{"v5.channel.k8s.io"}}
	conn, err := upgrader.Upgrade(w, r, nil)
	if err != nil {
		return
	}
	defer conn.Close()
	outcome := run()
	for channel, text := range map[byte][]byte{1: []byte(outcome.Stdout), 2: []byte(outcome.Stderr)} {
		if len(text) > 0 {
			conn.WriteMessage(websocket.BinaryMessage, append([]byte{channel}, text...))
		}
	}
	conn.WriteMessage(websocket.BinaryMessage, append([]byte{3}, outcome.status()...))
	conn.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(websocket.CloseNormalClosure, ""), time.Now().Add(time.Second))
	conn.NextReader() // until the client has closed as well
}

func execSPDY(w http.ResponseWriter, r *http.Request, run func() Outcome) {
	if _, err := httpstream.Handshake(r, w, []string{"v4.channel.k8s.io"}); err != nil {
		return
	}
	streams := make(chan httpstream.Stream, 4)
	conn := spdy.NewResponseUpgrader().UpgradeResponse(w, r, func(s httpstream.Stream, _ <-chan struct{}) error {
		streams <- s
		return nil
	})
	if conn == nil {
		return
	}
	defer conn.Close()
	by := map[string]httpstream.Stream{}
	for range 3 { // error, stdout, stderr
		select {
		case s := <-streams:
			by[s.Headers().Get("streamType")] = s
		case <-conn.CloseChan():
			return
		}
	}
	outcome := run()
	io.WriteString(by["stdout"], outcome.Stdout)
	io.WriteString(by["stderr"], outcome.Stderr)
	by["error"].Write(outcome.status())
	for _, s := range by {
		s.Close()
	}
	<-conn.CloseChan()
}

func (a *API) portForward(w http.ResponseWriter, r *http.Request, t target) {
	if a.Get("pods", t.namespace, t.name) == nil || a.Ports == nil {
		notFound(w, t)
		return
	}
	forward := &forward{api: a, pod: t.name, faults: map[string]httpstream.Stream{}}
	if !websocket.IsWebSocketUpgrade(r) {
		if _, err := httpstream.Handshake(r, w, []string{portforward.PortForwardProtocolV1Name}); err != nil {
			return
		}
		if conn := spdy.NewResponseUpgrader().UpgradeResponse(w, r, forward.stream); conn != nil {
			<-conn.CloseChan()
		}
		return
	}
	if a.NoWS {
		fail(w, http.StatusBadRequest, "BadRequest", "no WebSockets here")
		return
	}
	upgrader := websocket.Upgrader{Subprotocols: []string{"SPDY/3.1+" + portforward.PortForwardProtocolV1Name}}
	tunnel, err := upgrader.Upgrade(w, r, nil)
	if err != nil {
		return
	}
	conn, err := spdy.NewServerConnection(portforward.NewTunnelingConnection("server", tunnel), forward.stream)
	if err != nil {
		tunnel.Close()
		return
	}
	<-conn.CloseChan()
}

// forward is one connection with streams to ports of a pod.
type forward struct {
	api    *API
	pod    string
	mu     sync.Mutex
	faults map[string]httpstream.Stream // by request id
}

// stream takes the streams of a connection to a port: first the one for faults, then that for data.
func (f *forward) stream(s httpstream.Stream, replied <-chan struct{}) error {
	id := s.Headers().Get("requestID")
	f.mu.Lock()
	defer f.mu.Unlock()
	if s.Headers().Get("streamType") == "error" {
		f.faults[id] = s
		return nil
	}
	faults := f.faults[id]
	delete(f.faults, id)
	go func() {
		<-replied
		f.carry(s, faults)
	}()
	return nil
}

func (f *forward) carry(data, faults httpstream.Stream) {
	defer faults.Close()
	defer data.Close()
	port, _ := strconv.Atoi(data.Headers().Get("port"))
	address := f.api.Ports(f.pod, port)
	conn, err := net.Dial("tcp", address)
	if err != nil || address == "" {
		fmt.Fprintf(faults, "failed to connect to localhost:%d inside the pod: connection refused", port)
		return
	}
	defer conn.Close()
	go func() {
		io.Copy(conn, data)
		conn.(*net.TCPConn).CloseWrite()
	}()
	io.Copy(data, conn)
}

// log writes what a container's log is, and with follow stays until the client goes.
func (a *API) log(w http.ResponseWriter, r *http.Request, t target) {
	if a.Log == nil || a.Get("pods", t.namespace, t.name) == nil {
		notFound(w, t)
		return
	}
	query := r.URL.Query()
	since, _ := time.Parse(time.RFC3339, query.Get("sinceTime"))
	var text bytes.Buffer
	for _, line := range a.Log(t.name, query.Get("container")) {
		stamp, rest, _ := strings.Cut(line, " ")
		if at, err := time.Parse(time.RFC3339Nano, stamp); err == nil && at.Before(since) {
			continue
		}
		if query.Get("timestamps") == "" {
			line = rest
		}
		text.WriteString(line + "\n")
	}
	w.Write(text.Bytes())
	w.(http.Flusher).Flush()
	if query.Get("follow") != "" {
		<-r.Context().Done()
	}
}
