package operator

import (
	"context"
	"errors"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/leaderelection"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
)

// The lease's times: duration and deadline are upstream's for clusters of more than one node. It is asked for more often
// than there, so that a new pod leads soon after the old one has given it back.
const (
	leaseDuration = 137 * time.Second
	renewDeadline = 107 * time.Second
	leaseRetry    = 5 * time.Second
)

// lead waits for the lease and keeps the objects for as long as it has it. The lease is given back when ctx ends and
// nothing is being written any more.
func (o *Operator) lead(ctx context.Context) error {
	// The election outlives ctx until the work has ended.
	election, end := context.WithCancel(context.WithoutCancel(ctx))
	defer end()
	var work sync.WaitGroup
	work.Add(1)
	var once sync.Once
	finished := func() { once.Do(work.Done) }
	elector, err := leaderelection.NewLeaderElector(leaderelection.LeaderElectionConfig{
		Lock: &resourcelock.LeaseLock{
			LeaseMeta: metav1.ObjectMeta{Name: LeaseName, Namespace: o.options.Namespace}, Client: o.kube.CoordinationV1(),
			LockConfig: resourcelock.ResourceLockConfig{Identity: o.options.Identity}, Labels: managed(),
		},
		LeaseDuration: leaseDuration, RenewDeadline: renewDeadline, RetryPeriod: leaseRetry, ReleaseOnCancel: true, Name: LeaseName,
		Callbacks: leaderelection.LeaderCallbacks{
			OnStartedLeading: func(leading context.Context) {
				defer finished()
				o.options.Log.Info("leading", "identity", o.options.Identity)
				both, cancel := context.WithCancel(leading)
				defer cancel()
				defer context.AfterFunc(ctx, cancel)()
				o.keep(both)
			},
			OnStoppedLeading: func() {},
		},
	})
	if err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, func() {
		if elector.IsLeader() {
			work.Wait()
		}
		end()
	})
	defer stop()
	elector.Run(election)
	if ctx.Err() == nil {
		return errors.New("the lease was lost")
	}
	return nil
}
