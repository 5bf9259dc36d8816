package system

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"

	"github.com/ptplab/ptplab/conformance/sut"
	"github.com/ptplab/ptplab/lab"
)

// notifying is what a lab does for its nodes' notifications; *lab.Lab has it.
type notifying interface {
	CrashNotifier(ctx context.Context, node string) error
	HTTP(ctx context.Context, args lab.HTTPArgs) (lab.HTTPAnswer, error)
	OpenMailbox(ctx context.Context, node string) (lab.MailboxPlace, error)
	TakeMail(ctx context.Context, id string) ([]lab.Mail, error)
	CloseMailbox(ctx context.Context, id string) error
	Operator(ctx context.Context) (lab.OperatorConfig, error)
	SetOperator(ctx context.Context, c lab.OperatorConfig) error
}

var (
	_ notifying         = (*lab.Lab)(nil)
	_ sut.Notifications = (*System)(nil)
	_ sut.Mailbox       = (*mailbox)(nil)
)

// notifying is the lab as one with notifications.
func (s *System) notifying() (notifying, error) {
	n, ok := s.lab.(notifying)
	if !ok {
		return nil, &sut.UnavailableError{Reason: "this lab has no notifications"}
	}
	return n, nil
}

// OpenMailbox makes a listener in the network namespace of a node.
func (s *System) OpenMailbox(ctx context.Context, node string) (sut.Mailbox, error) {
	l, err := s.notifying()
	if err != nil {
		return nil, err
	}
	place, err := l.OpenMailbox(ctx, node)
	if err != nil {
		return nil, fmt.Errorf("open a mailbox on %s: %w", node, err)
	}
	return &mailbox{lab: l, node: node, MailboxPlace: place}, nil
}

// CrashNotifier ends the notification service of a node, which starts again a second later.
func (s *System) CrashNotifier(ctx context.Context, node string) error {
	l, err := s.notifying()
	if err != nil {
		return err
	}
	if err := l.CrashNotifier(ctx, node); err != nil {
		return fmt.Errorf("crash the notification service of %s: %w", node, err)
	}
	return nil
}

// mailbox is a mailbox of a lab.
type mailbox struct {
	lab  notifying
	node string
	lab.MailboxPlace
}

// API is where the node's API is for those who are in the node.
func (b *mailbox) API() string { return b.MailboxPlace.API }

// Endpoint is where the mailbox is for the node.
func (b *mailbox) Endpoint() string { return b.MailboxPlace.Endpoint }

// RoundTrip sends a request from inside the node.
func (b *mailbox) RoundTrip(r *http.Request) (*http.Response, error) {
	args := lab.HTTPArgs{Node: b.node, Method: r.Method, URL: r.URL.String(), Header: r.Header}
	if r.Body != nil {
		defer r.Body.Close()
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		args.Body = body
	}
	answer, err := b.lab.HTTP(r.Context(), args)
	if err != nil {
		return nil, err
	}
	header := answer.Header
	if header == nil {
		header = http.Header{}
	}
	return &http.Response{
		Status: fmt.Sprintf("%d %s", answer.Status, http.StatusText(answer.Status)), StatusCode: answer.Status,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: header,
		Body: io.NopCloser(bytes.NewReader(answer.Body)), ContentLength: int64(len(answer.Body)), Request: r,
	}, nil
}

// Take takes what has arrived.
func (b *mailbox) Take(ctx context.Context) ([]sut.Mail, error) {
	letters, err := b.lab.TakeMail(ctx, b.ID)
	if err != nil {
		return nil, fmt.Errorf("take the mail of %s: %w", b.node, err)
	}
	var all []sut.Mail
	for _, m := range letters {
		all = append(all, sut.Mail{At: m.At, Path: m.Path, Header: m.Header, Body: m.Body})
	}
	return all, nil
}

// Close takes the listener away.
func (b *mailbox) Close(ctx context.Context) error {
	if err := b.lab.CloseMailbox(ctx, b.ID); err != nil {
		return fmt.Errorf("close a mailbox on %s: %w", b.node, err)
	}
	return nil
}
