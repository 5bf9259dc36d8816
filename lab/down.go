package lab

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/ptplab/ptplab/lab/topology"
)

// downLimit is how long taking a lab away may last.
const downLimit = time.Minute

// Down takes a lab away with everything that it left on the host. A lab that is not there is fine.
func Down(ctx context.Context, home Home, name string) (found bool, err error) {
	if err := topology.CheckLabName(name); err != nil {
		return false, err
	}
	if !home.has(name) {
		return false, nil
	}
	l, err := open(home, name, "down")
	if l == nil {
		return true, err
	}
	// A record that cannot be read does not keep a lab alive.
	return true, l.down(ctx)
}

// down ends the kernel and removes the lab's directory and lock.
func (l *Lab) down(ctx context.Context) error {
	if err := l.clear(ctx); err != nil {
		return errors.Join(err, l.Close())
	}
	err := l.lock.remove()
	l.home.tidy()
	return err
}

// clear ends the kernel and removes the lab's directory, and keeps the lock.
func (l *Lab) clear(ctx context.Context) error {
	if other := foreign(l.dir()); other != "" {
		return fmt.Errorf("%s is not a lab: it holds %s; move it elsewhere, or set PTPLAB_HOME to a directory for labs alone", l.dir(), other)
	}
	if err := l.engine.Stop(ctx); err != nil {
		return fmt.Errorf("lab %s: %w", l.Name, err)
	}
	merged := l.unmergeKubeconfig()
	if merged != nil { // the lab goes all the same
		merged = fmt.Errorf("%w; take it out with: kubectl config delete-context %s, delete-cluster and delete-user", merged, l.KubeContext())
	}
	if err := os.RemoveAll(l.dir()); err != nil {
		return errors.Join(merged, fmt.Errorf("remove the state of lab %s: %w", l.Name, err))
	}
	return merged
}
