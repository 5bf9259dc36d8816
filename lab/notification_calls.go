package lab

import "context"

// Operator tells the operator's settings.
func (l *Lab) Operator(ctx context.Context) (OperatorConfig, error) {
	var c OperatorConfig
	err := l.call(ctx, opOperator, nil, &c, nil)
	return c, err
}

// SetOperator changes the operator's settings; workers' notification services start and end with them. Settings that
// upstream's webhook would turn down change nothing and are a *RefusedError.
func (l *Lab) SetOperator(ctx context.Context, c OperatorConfig) error {
	return asRefused(l.call(ctx, opSetOperator, c, nil, nil))
}

// CrashNotifier ends a worker's notification service as SIGKILL does. It starts again after a second of the lab's time.
func (l *Lab) CrashNotifier(ctx context.Context, node string) error {
	return l.call(ctx, opCrashNotifier, NodeArgs{node}, nil, nil)
}

// HTTP sends a request from inside a node and returns the answer, whatever its status. It has 30 s of the lab's time.
func (l *Lab) HTTP(ctx context.Context, args HTTPArgs) (HTTPAnswer, error) {
	var answer HTTPAnswer
	err := l.call(ctx, opHTTP, args, &answer, nil)
	return answer, err
}

// OpenMailbox makes a listener inside a node that answers each POST with 204 and keeps it.
func (l *Lab) OpenMailbox(ctx context.Context, node string) (MailboxPlace, error) {
	var p MailboxPlace
	err := l.call(ctx, opOpenMailbox, NodeArgs{node}, &p, nil)
	return p, err
}

// TakeMail takes what arrived in a mailbox since the last call, oldest first.
func (l *Lab) TakeMail(ctx context.Context, id string) ([]Mail, error) {
	var mail []Mail
	err := l.call(ctx, opTakeMail, MailboxArgs{id}, &mail, nil)
	return mail, err
}

// CloseMailbox takes a mailbox away.
func (l *Lab) CloseMailbox(ctx context.Context, id string) error {
	return l.call(ctx, opCloseMailbox, MailboxArgs{id}, nil, nil)
}
