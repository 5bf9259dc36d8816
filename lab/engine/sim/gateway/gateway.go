// Package gateway joins a lab's kernel to the network of its host without root: a network stack in user space
// (gvisor-tap-vsock) takes the guest's Ethernet frames from a socket and makes connections of its own of them. Towards the guest it
// forwards ports of the host's loopback interface.
//
// A gateway is a process of its own, so that it lives as long as the lab's kernel: it ends when the kernel closes its end
// of the socket. It is told what to forward over a socket in the file system, by Client.
package gateway

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/containers/gvisor-tap-vsock/pkg/types"
	"github.com/containers/gvisor-tap-vsock/pkg/virtualnetwork"
)

// The addresses of the network between the guest and the gateway.
const (
	Guest   = "192.168.127.2" // the guest's
	Prefix  = 24
	Gateway = "192.168.127.1" // the gateway, which is also the name server
	MTU     = 1500

	GuestMAC   = "5a:94:ef:e4:0c:ee"
	gatewayMAC = "5a:94:ef:e4:0c:dd"
	subnet     = "192.168.127.0/24"
)

// Server is a gateway.
type Server struct {
	network *virtualnetwork.VirtualNetwork
	log     *slog.Logger

	mu       sync.Mutex
	forwards map[string]net.Listener // by guest address, "192.168.127.2:6443"
}

// New makes a gateway to which no guest is connected yet.
func New(log *slog.Logger) (*Server, error) {
	network, err := virtualnetwork.New(&types.Configuration{
		MTU: MTU, Subnet: subnet, GatewayIP: Gateway, GatewayMacAddress: gatewayMAC, Protocol: types.BessProtocol,
	})
	if err != nil {
		return nil, fmt.Errorf("network stack of the gateway: %w", err)
	}
	return &Server{network: network, log: log, forwards: map[string]net.Listener{}}, nil
}

// Serve carries the frames of a guest, which come as the messages of a SOCK_SEQPACKET socket, and answers Clients on the
// listener. It ends when the guest hangs up, or with ctx.
func (s *Server) Serve(ctx context.Context, guest *os.File, clients net.Listener) error {
	conn, err := net.FileConn(guest)
	if err != nil {
		return fmt.Errorf("socket of the guest: %w", err)
	}
	defer conn.Close()
	server := &http.Server{Handler: s.handler(), ReadHeaderTimeout: 10 * time.Second}
	go server.Serve(clients)
	defer server.Close()
	defer s.closeAll()
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	if err := s.network.AcceptBess(ctx, conn); err != nil && !errors.Is(err, io.EOF) && ctx.Err() == nil {
		return fmt.Errorf("frames of the guest: %w", err)
	}
	return nil
}

func (s *Server) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /forward", func(w http.ResponseWriter, r *http.Request) {
		var f Forward
		err := json.NewDecoder(r.Body).Decode(&f)
		if err == nil {
			f.Local, err = s.forward(f)
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		json.NewEncoder(w).Encode(f)
	})
	return mux
}

// forward makes a port of the host lead to one of the guest. One that is there already stays.
func (s *Server) forward(f Forward) (local string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if l := s.forwards[f.Guest]; l != nil {
		return l.Addr().String(), nil
	}
	if f.Local == "" {
		f.Local = "127.0.0.1:0"
	}
	l, err := net.Listen("tcp", f.Local)
	if err != nil {
		return "", fmt.Errorf("forward to %s of the lab: %w", f.Guest, err)
	}
	s.forwards[f.Guest] = l
	go s.accept(l, f.Guest)
	return l.Addr().String(), nil
}

func (s *Server) accept(l net.Listener, guest string) {
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		go s.join(conn.(*net.TCPConn), guest)
	}
}

// dialTime is how long the guest may take to answer a connection.
const dialTime = 10 * time.Second

// join copies both ways until both ends have finished. A direction that has ended leaves the other open: whoever has said
// all may still wait for the answer.
func (s *Server) join(host *net.TCPConn, guest string) {
	defer host.Close()
	ctx, cancel := context.WithTimeout(context.Background(), dialTime)
	inside, err := s.network.DialContextTCP(ctx, guest)
	cancel()
	if err != nil {
		s.log.Debug("the guest does not answer", "address", guest, "error", err)
		return
	}
	defer inside.Close()
	done := make(chan struct{}, 2)
	go copyAndClose(inside, host, done)
	go copyAndClose(host, inside, done)
	<-done
	<-done
}

func copyAndClose(to, from net.Conn, done chan<- struct{}) {
	io.Copy(to, from) // whatever ended it, this direction has ended
	if half, ok := to.(interface{ CloseWrite() error }); ok {
		half.CloseWrite()
	} else {
		to.Close()
	}
	done <- struct{}{}
}

func (s *Server) closeAll() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, l := range s.forwards {
		l.Close()
	}
}
