package specs

import (
	"context"
	"fmt"
	"time"

	"github.com/ptplab/ptplab/conformance/events"
	"github.com/ptplab/ptplab/conformance/sut"
)

// toldAfterDaemon is how long the state of a node may take to be what it was after a restart of its daemon.
const toldAfterDaemon = 2 * time.Minute

// checkEventsAfterDaemon restarts the PTP daemon of the subject's node, with its notification service: the subscriptions
// must outlive that, and the node be told to be as it was.
func checkEventsAfterDaemon(ctx context.Context, t *Test) error {
	c, err := t.subscribeAll(ctx)
	if err != nil {
		return err
	}
	node := events.Address(t.Subject.Node, events.SyncState)
	before, err := c.CurrentState(ctx, c.API(), node)
	if err != nil {
		return err
	}
	state, _ := before.Find(events.Notification, "")
	mark := c.Mark()
	daemon, ok := sut.As[sut.Daemon](t.System)
	if !ok {
		return Skipped("the PTP daemons of this system cannot be restarted by the suite")
	}
	if err := daemon.RestartDaemon(ctx, t.Subject.Node); err != nil {
		return err
	}
	_, err = t.until(ctx, "the daemon of "+t.Subject.Node+" to be ready again", toldAfterDaemon, func(ctx context.Context) (bool, string, error) {
		return daemon.Ready(ctx, t.Subject.Node)
	})
	if err != nil {
		return err
	}
	if err := t.untilEventAPI(ctx, c.MailConsumer); err != nil {
		return fmt.Errorf("after a restart of the daemon: %w", err)
	}
	if err := t.awaitReplay(ctx, c, mark); err != nil {
		return err
	}
	if _, err := c.Await(ctx, events.State(node, "", state, mark), toldAfterDaemon); err != nil {
		return lookAt(err, "the notification service of "+t.Subject.Node, process(t.Subject))
	}
	if _, err := t.untilLocked(ctx, t.Subject); err != nil {
		return err
	}
	return t.judgeEvents(ctx, c)
}
