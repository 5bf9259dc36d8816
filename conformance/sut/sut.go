// Package sut says what the conformance suite asks of the system under test: a lab of plain nodes, a cluster, or
// racks of hardware. The suite owns these interfaces; whoever wants to be tested implements them.
//
// System is what every system must be able to do. What only some can do (tell the true time error, be sabotaged) is
// an interface of its own that a System may implement too; look for it with As.
package sut

import (
	"context"
	"time"
)

// System is a PTP network that the suite can inspect and disturb. Its methods are called from one goroutine at a time.
type System interface {
	Time

	// Inventory lists what the system consists of. The suite asks once, at the start of a run.
	Inventory(ctx context.Context) (Inventory, error)
	// Exec runs a program on a node, as root, and waits for it. A program that ran and failed is not an error: its
	// exit status is in the result. The error says that the program could not be run at all.
	Exec(ctx context.Context, node string, argv []string) (Result, error)
	// Metrics returns the openshift_ptp_* metrics of a node in Prometheus' text format.
	Metrics(ctx context.Context, node string) ([]byte, error)
	// SetLink sets the link of a port administratively up or down; both ends of the cable see it.
	SetLink(ctx context.Context, port PortRef, up bool) error
}

// Time is the system's own clock. In a lab in virtual time it only moves while somebody asks it to, so the suite
// never waits in any other way; on hardware it is the wall clock.
type Time interface {
	Now(ctx context.Context) (time.Time, error)
	Sleep(ctx context.Context, d time.Duration) error
}

// Truth is implemented by a System that knows how wrong its clocks really are.
type Truth interface {
	// TrueError samples the hardware clocks behind the given ports every interval for duration of the system's time
	// and returns one series per port, in the order given. The n-th samples of all series are of the same instant. A duration of 0 asks
	// for one sample.
	TrueError(ctx context.Context, ports []PortRef, duration, interval time.Duration) ([]Series, error)
}

// Saboteur is implemented by a System that can be broken on purpose, in ways that PTP cannot see.
type Saboteur interface {
	// SetClockError steps the hardware clock behind a port so that its true error becomes errorNs.
	SetClockError(ctx context.Context, port PortRef, errorNs int64) error
	// SetAsymmetry delays the frames that a port sends by further asymmetryNs. PTP takes the path for symmetric: at the
	// time receiver's port, asymmetryNs make its clock err by half of that, ahead for a positive number, and its measured offset stays zero.
	SetAsymmetry(ctx context.Context, port PortRef, asymmetryNs int64) error
}

// Result is what a program left behind.
type Result struct {
	Stdout string
	Stderr string
	Exit   int // exit status; 128 + signal number for a program that a signal ended
}

// Sample is the true error of a clock at one instant.
type Sample struct {
	At      time.Duration // since the first sample, in the system's time
	ErrorNs float64       // clock minus ideal time, ns
}

// Series is the true error of the clock behind one port over time.
type Series struct {
	Port    PortRef
	Samples []Sample
}

// As finds the first System in a chain of wrappers that implements T. A wrapper is a System with a method
// Unwrap() System.
func As[T any](s System) (T, bool) {
	for s != nil {
		if t, ok := s.(T); ok {
			return t, true
		}
		wrapper, ok := s.(interface{ Unwrap() System })
		if !ok {
			break
		}
		s = wrapper.Unwrap()
	}
	var none T
	return none, false
}
