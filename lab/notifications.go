package lab

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"sync"

	"github.com/ptplab/ptplab/lab/agent"
	"github.com/ptplab/ptplab/lab/node"
)

// The operations for notifications.
const (
	opOperator      = "operator"      // nothing; ; OperatorConfig
	opSetOperator   = "setOperator"   // OperatorConfig; ; nothing
	opCrashNotifier = "crashNotifier" // NodeArgs; ; nothing
	opHTTP          = "http"          // HTTPArgs; ; HTTPAnswer
	opOpenMailbox   = "openMailbox"   // NodeArgs; ; MailboxPlace
	opTakeMail      = "takeMail"      // MailboxArgs; ; []Mail
	opCloseMailbox  = "closeMailbox"  // MailboxArgs; ; nothing
)

// OperatorConfig is what a lab knows of the operator's settings, spec.ptpEventConfig of a PtpOperatorConfig.
type OperatorConfig struct {
	EnableEventPublisher bool   `json:"enableEventPublisher"` // each worker has a notification service
	APIVersion           string `json:"apiVersion"`           // of its API; empty stands for "2.0"
}

// notifications are the operator's settings, the workers' notification services and the mailboxes beside them.
type notifications struct {
	mu        sync.Mutex // held while services start and end
	operator  OperatorConfig
	services  map[string]*notifier // by worker
	mailboxes map[string]*mailbox  // by id
	opened    int                  // how many mailboxes there have been
}

// newNotifications are those of a new lab: the publisher is on.
func newNotifications() *notifications {
	return &notifications{
		operator: OperatorConfig{EnableEventPublisher: true}, services: map[string]*notifier{}, mailboxes: map[string]*mailbox{},
	}
}

// notification is the operation for notifications that has this name, nil if there is none.
func (w *World) notification(op string) func(context.Context, *agent.Request) (any, error) {
	switch op {
	case opOperator:
		return func(context.Context, *agent.Request) (any, error) { return w.operator(), nil }
	case opSetOperator:
		return handler(w.setOperator)
	case opCrashNotifier:
		return handler(w.crashNotifier)
	case opHTTP:
		return handler(w.request)
	case opOpenMailbox:
		return handler(w.openMailbox)
	case opTakeMail:
		return handler(w.takeMail)
	case opCloseMailbox:
		return handler(w.closeMailbox)
	}
	return nil
}

func handler[A, R any](do func(context.Context, *agent.Request, A) (R, error)) func(context.Context, *agent.Request) (any, error) {
	return func(ctx context.Context, req *agent.Request) (any, error) { return handle(ctx, req, do) }
}

func (w *World) operator() OperatorConfig {
	w.notify.mu.Lock()
	defer w.notify.mu.Unlock()
	return w.notify.operator
}

// setOperator changes the operator's settings, and starts or ends the services of all workers where that follows from
// them. Settings that the webhook would turn down change nothing; those that change nothing restart nothing.
func (w *World) setOperator(_ context.Context, _ *agent.Request, c OperatorConfig) (any, error) {
	if why := node.RefuseAPIVersion(c.APIVersion); why != "" {
		return nil, agent.Errorf(refused, "%s", why)
	}
	w.mu.Lock()
	workers := slices.Sorted(maps.Keys(w.endpoints))
	w.mu.Unlock()
	w.notify.mu.Lock()
	w.notify.operator = c
	w.notify.mu.Unlock()
	var faults []error
	for _, worker := range workers {
		if c.EnableEventPublisher {
			faults = append(faults, w.openNotifier(worker))
		} else {
			w.closeNotifier(worker)
		}
	}
	return nil, errors.Join(faults...)
}

// openNotifier starts the notification service of a worker, if the operator's settings ask for it. One that is there for
// another node than the worker now has is ended first; subscriptions stay.
func (w *World) openNotifier(worker string) error {
	n, err := w.node(worker)
	if err != nil {
		return err
	}
	w.notify.mu.Lock()
	defer w.notify.mu.Unlock()
	old := w.notify.services[worker]
	if !w.notify.operator.EnableEventPublisher || old != nil && old.node == n {
		return nil
	}
	if old != nil {
		delete(w.notify.services, worker)
		old.close()
	}
	s, err := newNotifier(w.place(worker), n, w.Log)
	if err == nil {
		err = s.start()
	}
	if err != nil {
		return fmt.Errorf("notification service of %s: %w", worker, err)
	}
	w.notify.services[worker] = s
	return nil
}

// closeNotifier ends the notification service of a worker, if it has one. Its subscriptions stay stored.
func (w *World) closeNotifier(worker string) {
	w.notify.mu.Lock()
	defer w.notify.mu.Unlock()
	if s := w.notify.services[worker]; s != nil {
		delete(w.notify.services, worker)
		s.close()
	}
}

// crashNotifier ends the notification service of a worker as SIGKILL does. It is started again soon.
func (w *World) crashNotifier(_ context.Context, _ *agent.Request, args NodeArgs) (any, error) {
	w.notify.mu.Lock()
	defer w.notify.mu.Unlock()
	s := w.notify.services[args.Node]
	if s == nil {
		why := fmt.Sprintf("there is %s", names(w.notify.services))
		if !w.notify.operator.EnableEventPublisher {
			why = "the event publisher is off"
		}
		return nil, agent.Errorf("usage", "%s has no notification service: %s", args.Node, why)
	}
	s.crash()
	return nil, nil
}

// logged is a server's own log, at the level of warnings.
func logged(log *slog.Logger) *http.Server {
	return &http.Server{ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelWarn)}
}
