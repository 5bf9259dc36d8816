package specs

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/ptplab/ptplab/conformance/events"
	"github.com/ptplab/ptplab/conformance/metrics"
	"github.com/ptplab/ptplab/conformance/sut"
)

// undisturbedFor is how long nothing may restart after the operator has refused its settings.
const undisturbedFor = 10 * time.Second

// operating is a system whose operator's settings are changed and, after the check, put back.
type operating struct {
	*Test
	sut.Operator
	before sut.OperatorConfig
	api    *events.MailConsumer
}

// operate prepares a change of the operator's settings.
func (t *Test) operate(ctx context.Context) (*operating, error) {
	if err := t.needSync(t.Subject); err != nil {
		return nil, err
	}
	api, err := t.eventConsumer(ctx)
	if err != nil {
		return nil, err
	}
	operator, ok := sut.As[sut.Operator](t.System)
	if !ok {
		return nil, Skipped("this system has no operator settings")
	}
	before, err := operator.OperatorConfig(ctx)
	if err != nil {
		return nil, err
	}
	o := &operating{t, operator, before, api}
	t.Cleanup("put the operator's settings back", func(ctx context.Context) error {
		if err := operator.SetOperatorConfig(ctx, before); err != nil {
			return err
		}
		return t.untilEventAPI(ctx, api)
	})
	return o, nil
}

// set changes the settings and reads them back.
func (o *operating) set(ctx context.Context, c sut.OperatorConfig) error {
	if err := o.SetOperatorConfig(ctx, c); err != nil {
		return err
	}
	got, err := o.OperatorConfig(ctx)
	if err == nil && got != c {
		err = fmt.Errorf("the operator's settings are %+v, expected %+v, as they were set", got, c)
	}
	return err
}

// published wants the API to be there and to tell the states of the subject's node.
func (o *operating) published(ctx context.Context) error {
	if err := o.untilEventAPI(ctx, o.api); err != nil {
		return err
	}
	c, err := o.subscribeAll(ctx)
	if err != nil {
		return err
	}
	return o.judgeEvents(ctx, c)
}

func checkDefaultVersion(ctx context.Context, t *Test) error { return checkAPIVersion(ctx, t, "") }
func checkVersion2(ctx context.Context, t *Test) error       { return checkAPIVersion(ctx, t, events.V2) }

// checkAPIVersion sets a version of the API that stands for version 2, and uses that.
func checkAPIVersion(ctx context.Context, t *Test, version string) error {
	o, err := t.operate(ctx)
	if err != nil {
		return err
	}
	if err := o.set(ctx, sut.OperatorConfig{EnableEventPublisher: true, APIVersion: version}); err != nil {
		return err
	}
	return o.published(ctx)
}

// checkRefusedVersions asks for versions of the API that there are not. Each must be refused with the reason, change
// nothing and restart nothing.
func checkRefusedVersions(ctx context.Context, t *Test) error {
	o, err := t.operate(ctx)
	if err != nil {
		return err
	}
	c, err := t.subscribeAll(ctx)
	if err != nil {
		return err
	}
	starts, err := t.startsOf(ctx, t.Subject.Node)
	if err != nil {
		return err
	}
	mark := c.Mark()
	for _, wrong := range []struct{ version, why string }{{events.V1, "no longer supported"}, {"boo", "is not a valid version"}} {
		if err := o.refused(ctx, wrong.version, wrong.why); err != nil {
			return err
		}
	}
	if err := t.System.Sleep(ctx, undisturbedFor); err != nil {
		return err
	}
	if err := c.Look(ctx); err != nil {
		return err
	}
	if got := c.History(mark); len(got) > 0 {
		return fmt.Errorf("the notification service of %s has told its state anew, as after a restart, though the operator refused its settings: %s", t.Subject.Node, got[0])
	}
	now, err := t.startsOf(ctx, t.Subject.Node)
	if err == nil && now != starts {
		err = fmt.Errorf("the processes of %s were started %g times, before the operator refused its settings %g times", t.Subject.Node, now, starts)
	}
	if err != nil {
		return err
	}
	return t.judgeEvents(ctx, c)
}

// refused wants a version refused for a reason, and the settings as they were.
func (o *operating) refused(ctx context.Context, version, why string) error {
	err := o.SetOperatorConfig(ctx, sut.OperatorConfig{EnableEventPublisher: true, APIVersion: version})
	var turnedDown *sut.RefusedError
	switch {
	case err == nil:
		return fmt.Errorf("apiVersion %q was accepted, expected a refusal that says %q", version, why)
	case !errors.As(err, &turnedDown):
		return fmt.Errorf("apiVersion %q: %w", version, err)
	case !strings.Contains(turnedDown.Reason, why):
		return fmt.Errorf("apiVersion %q: %w; expected a reason that says %q", version, err, why)
	}
	got, err := o.OperatorConfig(ctx)
	if err == nil && got != o.before {
		err = fmt.Errorf("the operator's settings are %+v after a refusal, expected %+v as before", got, o.before)
	}
	return err
}

// startsOf is how often the processes of a node were started.
func (t *Test) startsOf(ctx context.Context, node string) (float64, error) {
	set, err := t.scrape(ctx, node)
	if err != nil {
		return 0, err
	}
	sum := 0.0
	for _, s := range set.Series(metrics.Prefix + "process_restart_count") {
		if s.Labels["node"] == node {
			sum += s.Value
		}
	}
	return sum, nil
}

// checkPublisherSwitch turns the event publisher off and on again.
func checkPublisherSwitch(ctx context.Context, t *Test) error {
	o, err := t.operate(ctx)
	if err != nil {
		return err
	}
	if err := t.untilEventAPI(ctx, o.api); err != nil {
		return err
	}
	if err := o.set(ctx, sut.OperatorConfig{APIVersion: t.Settings.EventAPI}); err != nil {
		return err
	}
	_, err = t.until(ctx, "the notification API of "+t.Subject.Node+" to be gone", t.Settings.LockWithin, func(ctx context.Context) (bool, string, error) {
		return o.api.Health(ctx, o.api.API()) != nil, "it is well", nil
	})
	if err != nil {
		return lookAt(err, "whether the operator acts on enableEventPublisher")
	}
	if err := o.set(ctx, sut.OperatorConfig{EnableEventPublisher: true, APIVersion: t.Settings.EventAPI}); err != nil {
		return err
	}
	return o.published(ctx)
}
