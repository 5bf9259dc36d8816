//go:build lab

package kube

import (
	"context"
	"testing"
	"time"

	"github.com/ptplab/ptplab/conformance"
	"github.com/ptplab/ptplab/conformance/cluster"
	world "github.com/ptplab/ptplab/conformance/fake"
	"github.com/ptplab/ptplab/conformance/specs"
	"github.com/ptplab/ptplab/conformance/sut"
)

// onStack is simulated clocks beside the real API server and operator. While a second of the clocks passes, the cluster
// has a moment too.
type onStack struct {
	sut.System // a world's
	sut.Cluster
	sut.Configurer
	sut.SecretKeeper
}

const moment = 50 * time.Millisecond

func (o onStack) Sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(moment)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
		return ctx.Err()
	}
	return o.System.Sleep(ctx, d)
}

// TestSuite runs what of the conformance suite asks the cluster and not its clocks.
func TestSuite(t *testing.T) {
	s := newStack(t)
	if err := s.deploy(Options{EventPublisher: true}); err != nil {
		t.Fatal(err)
	}
	system, err := cluster.Open(t.Context(), cluster.Options{Kubeconfig: s.Kubeconfig})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { system.Close() })
	settings := specs.DefaultSettings()
	settings.Poll = time.Second
	report, err := conformance.Run(t.Context(), onStack{world.New(world.OC()), system, system, system}, conformance.Options{
		Settings: &settings,
		Focus:    []string{"PTP operator", "PTP daemon is ready", "a secret with keys", "operator's configuration", "operator's selector", "invalid PtpConfig"},
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, spec := range report.Specs {
		if spec.State != conformance.Passed {
			t.Errorf("%s: %s %s", spec.Name, spec.State, spec.Message)
		}
	}
	if report.Passed != 11 {
		t.Errorf("%d specs have passed", report.Passed)
	}
}
