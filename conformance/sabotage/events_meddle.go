package sabotage

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"syscall"

	"github.com/ptplab/ptplab/conformance/sut"
)

// What the API answers.
const (
	ok        = http.StatusOK
	created   = http.StatusCreated
	noContent = http.StatusNoContent
	notFound  = http.StatusNotFound
	conflict  = http.StatusConflict
	broken    = http.StatusInternalServerError
)

// meddled is a system between whose notifications and the suite somebody meddles.
type meddled struct {
	sut.System
	notifications sut.Notifications
	deliver       func(ctx context.Context, box *mailbag, mail []sut.Mail) ([]sut.Mail, error) // nil: as it came
	carry         func(ctx context.Context, r request, send sender) (answer, error)            // nil: as it is
	crashed       func(ctx context.Context, node string) error                                 // after a crash; nil: nothing
	withheld      []request                                                                    // for mend to send
	bags          []*mailbag                                                                   // of all mailboxes
}

// request is a request to the API of a node.
type request struct {
	node, method, path string
	bag                *mailbag      // of the mailbox from which it comes
	http               *http.Request // nil for one that mend sends
}

type answer struct {
	status int
	body   []byte
}

type sender func(request) (answer, error)

// errDead is what a request to nobody ends with.
var errDead = fmt.Errorf("connect: %w", syscall.ECONNREFUSED)

func meddling(system sut.System) (*meddled, error) {
	n, found := sut.As[sut.Notifications](system)
	if !found {
		return nil, fmt.Errorf("%w: it has no notifications", ErrNotApplicable)
	}
	return &meddled{System: system, notifications: n}, nil
}

// Unwrap is the system as it is.
func (n *meddled) Unwrap() sut.System { return n.System }

// OpenMailbox opens a mailbox that is meddled with.
func (n *meddled) OpenMailbox(ctx context.Context, node string) (sut.Mailbox, error) {
	box, err := n.notifications.OpenMailbox(ctx, node)
	if err != nil {
		return nil, err
	}
	bag := &mailbag{}
	n.bags = append(n.bags, bag)
	return &meddledBox{Mailbox: box, n: n, node: node, bag: bag}, nil
}

// lose says of all mailboxes that there are whether they are lost.
func (n *meddled) lose(lost bool) {
	for _, bag := range n.bags {
		bag.lost = lost
	}
}

// CrashNotifier crashes the service, and what the sabotage adds to that.
func (n *meddled) CrashNotifier(ctx context.Context, node string) error {
	if err := n.notifications.CrashNotifier(ctx, node); err != nil || n.crashed == nil {
		return err
	}
	return n.crashed(ctx, node)
}

// mend sends what was withheld.
func (n *meddled) mend(ctx context.Context) error {
	var faults []error
	for _, r := range n.withheld {
		faults = append(faults, n.late(ctx, r))
	}
	n.withheld = nil
	return errors.Join(faults...)
}

func (n *meddled) late(ctx context.Context, r request) error {
	box, err := n.notifications.OpenMailbox(ctx, r.node)
	if err != nil {
		return err
	}
	_, err = post(ctx, box, r)
	return errors.Join(err, box.Close(ctx))
}

// post sends a request without a body.
func post(ctx context.Context, box sut.Mailbox, r request) (answer, error) {
	out, err := http.NewRequestWithContext(ctx, r.method, box.API()+r.path, nil)
	if err != nil {
		return answer{}, err
	}
	return read(box.RoundTrip(out))
}

func read(w *http.Response, err error) (answer, error) {
	if err != nil {
		return answer{}, err
	}
	defer w.Body.Close()
	body, err := io.ReadAll(w.Body)
	return answer{w.StatusCode, body}, err
}

// meddledBox is a mailbox with somebody before it.
type meddledBox struct {
	sut.Mailbox
	n    *meddled
	node string
	bag  *mailbag
}

// Take takes what the sabotage lets through.
func (b *meddledBox) Take(ctx context.Context) ([]sut.Mail, error) {
	mail, err := b.Mailbox.Take(ctx)
	if err != nil || b.n.deliver == nil {
		return mail, err
	}
	return b.n.deliver(ctx, b.bag, mail)
}

// RoundTrip sends what the sabotage lets through.
func (b *meddledBox) RoundTrip(r *http.Request) (*http.Response, error) {
	if b.n.carry == nil {
		return b.Mailbox.RoundTrip(r)
	}
	a, err := b.n.carry(r.Context(), request{b.node, r.Method, r.URL.Path, b.bag, r}, func(again request) (answer, error) {
		return read(b.Mailbox.RoundTrip(again.http))
	})
	if err != nil {
		return nil, err
	}
	return &http.Response{
		Status: fmt.Sprintf("%d %s", a.status, http.StatusText(a.status)), StatusCode: a.status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(bytes.NewReader(a.body)), ContentLength: int64(len(a.body)), Request: r,
	}, nil
}
