package operator

import (
	"context"
	"sync/atomic"
)

// serving is the state of the webhook.
type serving struct {
	up atomic.Bool
}

func (o *Operator) serveWebhook(ctx context.Context) error {
	o.serving.up.Store(true)
	<-ctx.Done()
	return nil
}

func (o *Operator) keepWebhook(context.Context) error { return nil }
