package system

import (
	"context"
	"time"

	"github.com/ptplab/ptplab/conformance/sut"
	"github.com/ptplab/ptplab/lab/topology"
)

// Known is a cluster in a lab. The suite works on it as on any cluster, and has the lab's knowledge of the true errors besides.
type Known struct {
	sut.System
	lab *System
}

var (
	_ sut.Truth    = Known{}
	_ sut.Saboteur = Known{}
)

// NewKnown adds to a cluster what the lab with a plan knows of it.
func NewKnown(cluster sut.System, l Lab, plan *topology.Plan) Known {
	return Known{cluster, New(l, plan)}
}

// Unwrap is the cluster.
func (k Known) Unwrap() sut.System { return k.System }

// TrueError samples hardware clocks.
func (k Known) TrueError(ctx context.Context, ports []sut.PortRef, duration, interval time.Duration) ([]sut.Series, error) {
	return k.lab.TrueError(ctx, ports, duration, interval)
}

// SetClockError steps a hardware clock.
func (k Known) SetClockError(ctx context.Context, port sut.PortRef, errorNs int64) error {
	return k.lab.SetClockError(ctx, port, errorNs)
}

// SetAsymmetry delays what a port sends.
func (k Known) SetAsymmetry(ctx context.Context, port sut.PortRef, asymmetryNs int64) error {
	return k.lab.SetAsymmetry(ctx, port, asymmetryNs)
}
