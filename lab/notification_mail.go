package lab

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/ptplab/ptplab/lab/agent"
)

// Bounds of what is carried into and out of a lab.
const (
	requestTimeout = 30 * time.Second // of the lab
	maxBody        = 1 << 20          // bytes of an answer or a letter
	maxMail        = 1 << 14          // letters that wait in a mailbox; further ones are turned down
)

// HTTPArgs is a request to send from inside a node.
type HTTPArgs struct {
	Node   string      `json:"node"`
	Method string      `json:"method"`
	URL    string      `json:"url"`
	Header http.Header `json:"header,omitempty"`
	Body   []byte      `json:"body,omitempty"`
}

// HTTPAnswer is the answer to a request.
type HTTPAnswer struct {
	Status int         `json:"status"` // 200
	Header http.Header `json:"header,omitempty"`
	Body   []byte      `json:"body,omitempty"`
}

// MailboxPlace is where a mailbox is.
type MailboxPlace struct {
	ID       string `json:"id"`
	API      string `json:"api"`      // base URL of the node's notification API for who is in the node: "http://127.0.0.1:9043"
	Endpoint string `json:"endpoint"` // URL to which the node can send
}

// MailboxArgs names a mailbox.
type MailboxArgs struct {
	ID string `json:"id"`
}

// Mail is a request that arrived in a mailbox.
type Mail struct {
	At     time.Time   `json:"at"` // in the lab's time
	Path   string      `json:"path"`
	Header http.Header `json:"header,omitempty"`
	Body   []byte      `json:"body,omitempty"`
}

// request sends a request from inside a node and returns the answer, whatever its status.
func (w *World) request(ctx context.Context, _ *agent.Request, args HTTPArgs) (*HTTPAnswer, error) {
	if _, err := w.node(args.Node); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, args.Method, args.URL, bytes.NewReader(args.Body))
	if err != nil {
		return nil, agent.Errorf("usage", "request from %s: %v", args.Node, err)
	}
	if args.Header != nil {
		r.Header = args.Header
	}
	answer, err := w.place(args.Node).transport().RoundTrip(r)
	if err != nil {
		return nil, fmt.Errorf("%s %s from %s: %w", args.Method, args.URL, args.Node, err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(io.LimitReader(answer.Body, maxBody))
	if err != nil {
		return nil, fmt.Errorf("%s %s from %s: %w", args.Method, args.URL, args.Node, err)
	}
	return &HTTPAnswer{answer.StatusCode, answer.Header, body}, nil
}

// mailbox listens in a node and keeps what is sent to it.
type mailbox struct {
	node     string
	endpoint string
	http     *http.Server

	mu   sync.Mutex
	mail []Mail
}

// newMailbox makes a mailbox in a place, at a port of its own.
func newMailbox(p place, log *slog.Logger) (*mailbox, error) {
	l, err := p.listen("127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	b := &mailbox{node: p.owner, endpoint: "http://" + l.Addr().String(), http: logged(log)}
	b.http.Handler = b
	go b.http.Serve(l) // ends with closeMailbox
	return b, nil
}

// ServeHTTP keeps a letter and answers 204.
func (b *mailbox) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	at := time.Now()
	if r.Method != http.MethodPost {
		http.Error(w, "mail is POSTed", http.StatusMethodNotAllowed)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.mail) >= maxMail {
		http.Error(w, "the mailbox is full", http.StatusInsufficientStorage)
		return
	}
	b.mail = append(b.mail, Mail{At: at, Path: r.URL.Path, Header: r.Header, Body: body})
	w.WriteHeader(http.StatusNoContent)
}

// take empties the mailbox.
func (b *mailbox) take() []Mail {
	b.mu.Lock()
	defer b.mu.Unlock()
	mail := b.mail
	b.mail = nil
	return mail
}

// openMailbox makes a mailbox in a node.
func (w *World) openMailbox(_ context.Context, _ *agent.Request, args NodeArgs) (*MailboxPlace, error) {
	if _, err := w.node(args.Node); err != nil {
		return nil, err
	}
	b, err := newMailbox(w.place(args.Node), w.Log)
	if err != nil {
		return nil, fmt.Errorf("mailbox: %w", err)
	}
	w.notify.mu.Lock()
	defer w.notify.mu.Unlock()
	w.notify.opened++
	id := fmt.Sprintf("%s-%d", args.Node, w.notify.opened)
	w.notify.mailboxes[id] = b
	return &MailboxPlace{ID: id, API: fmt.Sprintf("http://127.0.0.1:%d", eventsPort), Endpoint: b.endpoint}, nil
}

// mailboxOf finds a mailbox.
func (w *World) mailboxOf(id string) (*mailbox, error) {
	w.notify.mu.Lock()
	defer w.notify.mu.Unlock()
	if b := w.notify.mailboxes[id]; b != nil {
		return b, nil
	}
	return nil, agent.Errorf("usage", "there is no mailbox %s in lab %s; there is %s", id, w.Lab, names(w.notify.mailboxes))
}

// takeMail tells what arrived in a mailbox since the last time, oldest first.
func (w *World) takeMail(_ context.Context, _ *agent.Request, args MailboxArgs) ([]Mail, error) {
	b, err := w.mailboxOf(args.ID)
	if err != nil {
		return nil, err
	}
	return b.take(), nil
}

// closeMailbox takes a mailbox away, with what is in it.
func (w *World) closeMailbox(_ context.Context, _ *agent.Request, args MailboxArgs) (any, error) {
	b, err := w.mailboxOf(args.ID)
	if err != nil {
		return nil, err
	}
	w.notify.mu.Lock()
	delete(w.notify.mailboxes, args.ID)
	w.notify.mu.Unlock()
	return nil, b.http.Close()
}

// closeMailboxes takes all mailboxes of a node away: their sockets would keep its namespace.
func (w *World) closeMailboxes(node string) {
	w.notify.mu.Lock()
	defer w.notify.mu.Unlock()
	for id, b := range w.notify.mailboxes {
		if b.node == node {
			delete(w.notify.mailboxes, id)
			b.http.Close()
		}
	}
}
