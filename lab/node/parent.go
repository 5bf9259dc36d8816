package node

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"time"

	"github.com/ptplab/ptplab/lab/linuxptp"
	"github.com/ptplab/ptplab/lab/linuxptp/management"
)

// Subscriptions at ptp4l last as long as it allows, and are renewed well before they end: it logs each that ends.
const (
	subscriptionTime = 65535 * time.Second
	renewAfter       = 30000 * time.Second
)

// receiverClass is the clockClass of a PTP instance that can only be a time receiver, IEEE 1588-2019 table 4.
const receiverClass = 255

// watchParent follows the PARENT_DATA_SET of a ptp4l, whose notifications come only when it changes. It runs until the
// process ends; if ptp4l cannot be asked, it ends, and the next line about a master starts it again.
func (n *Node) watchParent(p *process) {
	if p.kind != linuxptp.Ptp4l || p.watch != nil || p.state != Running {
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	p.watch = cancel
	pid, run := p.cmd.Process.Pid, p.starts
	p.watched.Go(func() {
		err := n.followParent(ctx, p, run, pid)
		if ctx.Err() == nil {
			n.o.Log.Debug("ptp4l is not asked for its parent", "node", n.o.Name, "process", p.config, "error", err)
		}
		cancel()
		n.mu.Lock()
		defer n.mu.Unlock()
		if p.starts == run && p.state == Running {
			p.watch = nil
		}
	})
}

// followParent takes each PARENT_DATA_SET into the node's state.
func (n *Node) followParent(ctx context.Context, p *process, run, pid int) error {
	mount, err := os.Open(fmt.Sprintf("/proc/%d/ns/mnt", pid))
	if err != nil {
		return err
	}
	defer mount.Close()
	client, err := management.Dial(management.Address{
		Server: p.socket, Local: path.Join(runDir, fmt.Sprintf("ptplab.%s.%d", p.config, run)), Port: 1, Domain: p.domain, Mount: mount,
	})
	if err != nil {
		return err
	}
	defer client.Close()
	for {
		if err := client.Subscribe(ctx, management.ParentDataSetEvents, subscriptionTime); err != nil {
			return err
		}
		parent, err := client.ParentDataSet(ctx)
		if err != nil {
			return err
		}
		n.parent(p, run, parent)
		renew, cancel := context.WithTimeout(ctx, renewAfter)
		err = n.parents(renew, client, p, run)
		cancel()
		if ctx.Err() != nil || !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, os.ErrDeadlineExceeded) {
			return err
		}
	}
}

// parents takes notifications until one fails.
func (n *Node) parents(ctx context.Context, client *management.Client, p *process, run int) error {
	for {
		what, err := client.Next(ctx)
		if err != nil {
			return err
		}
		if parent, ok := what.(*management.ParentDataSet); ok {
			n.parent(p, run, parent)
		}
	}
}

// parent notes what a ptp4l's grandmaster announces, unless that ptp4l is already gone. A time receiver has the class
// of its kind, as upstream counts since 4.21.
func (n *Node) parent(p *process, run int, parent *management.ParentDataSet) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if p.starts != run || p.state != Running {
		return
	}
	class, master := int(parent.GrandmasterClockQuality.ClockClass), parent.GrandmasterIdentity.String()
	if p.receiver {
		class = receiverClass
	}
	if p.clock.class == class && p.clock.master == master {
		return
	}
	if p.clock.class != class {
		n.say(time.Now(), p.config, fmt.Sprintf("ptp4l[%d]:[%s] CLOCK_CLASS_CHANGE %d", time.Now().Unix(), p.config, class))
	}
	p.clock.class, p.clock.master = class, master
	n.dirty = true
	n.publish()
}
