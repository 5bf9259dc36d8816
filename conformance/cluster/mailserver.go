package cluster

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/ptplab/ptplab/conformance/sut"
)

// The ports of a mailbox's pod. The second is reached through the API server only.
const (
	mailPort    = 9043
	collectPort = 9044
)

// maxMail bounds one mail and the number of mails, which a runaway sender must not turn into all of a node's memory.
const (
	maxMail  = 1 << 20
	maxMails = 100_000
)

// mailServer keeps what is sent to it.
type mailServer struct {
	mu    sync.Mutex
	mails []sut.Mail
}

// serveMail takes mail at one address, each answered with 204, and gives it out at another, until ctx ends.
func serveMail(ctx context.Context, mailAddress, collectAddress string) error {
	var m mailServer
	mail, err := net.Listen("tcp", mailAddress)
	if err != nil {
		return fmt.Errorf("take mail: %w", err)
	}
	collect, err := net.Listen("tcp", collectAddress)
	if err != nil {
		mail.Close()
		return fmt.Errorf("give out mail: %w", err)
	}
	return serveBoth(ctx, mail, http.HandlerFunc(m.take), collect, http.HandlerFunc(m.give))
}

// serveBoth serves two listeners until ctx or one of them ends.
func serveBoth(ctx context.Context, l1 net.Listener, h1 http.Handler, l2 net.Listener, h2 http.Handler) error {
	servers := [2]*http.Server{{Handler: h1}, {Handler: h2}}
	ended := make(chan error, 2)
	go func() { ended <- servers[0].Serve(l1) }()
	go func() { ended <- servers[1].Serve(l2) }()
	var err error
	select {
	case <-ctx.Done():
	case err = <-ended:
	}
	return errors.Join(err, servers[0].Close(), servers[1].Close())
}

// take keeps a request.
func (m *mailServer) take(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxMail))
	if err != nil {
		http.Error(w, err.Error(), http.StatusRequestEntityTooLarge)
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.mails) == maxMails {
		http.Error(w, "the mailbox is full", http.StatusInsufficientStorage)
		return
	}
	m.mails = append(m.mails, sut.Mail{At: time.Now(), Path: r.URL.Path, Header: r.Header, Body: body})
	w.WriteHeader(http.StatusNoContent)
}

// give writes the mails after a number, as JSON, one a line.
func (m *mailServer) give(w http.ResponseWriter, r *http.Request) {
	after, err := strconv.Atoi(r.URL.Query().Get("after"))
	m.mu.Lock()
	defer m.mu.Unlock()
	if err != nil || after < 0 || after > len(m.mails) {
		http.Error(w, fmt.Sprintf("after must be a number from 0 to %d", len(m.mails)), http.StatusBadRequest)
		return
	}
	encoder := json.NewEncoder(w)
	for _, one := range m.mails[after:] {
		if encoder.Encode(one) != nil {
			return // the reader is gone
		}
	}
}
