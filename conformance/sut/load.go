package sut

import (
	"context"
	"time"
)

// Loads is implemented by a System that knows how much CPU time its PTP programs use.
type Loads interface {
	// Loads gives the mean CPU use of every container over the window that ends now; see UnavailableError.
	Loads(ctx context.Context, window time.Duration) ([]Load, error)
}

// Load is the CPU use of one container.
type Load struct {
	Node       string
	PodType    string // "ptp-operator", "linuxptp-daemon"
	Pod        string
	Container  string // "linuxptp-daemon-container", "cloud-event-proxy"
	Millicores float64
}

// Prometheus is implemented by a System whose metrics are collected by a Prometheus server.
type Prometheus interface {
	// Query evaluates an instant query in PromQL.
	Query(ctx context.Context, promQL string) ([]Sampled, error)
}

// Sampled is one element of the vector that a query gives.
type Sampled struct {
	Labels map[string]string // with __name__
	Value  float64
}

// Unprivileged is implemented by a System that can run a program beside a node's PTP daemon without privileges: with its
// /var/run, but as an ordinary user.
type Unprivileged interface {
	ExecUnprivileged(ctx context.Context, node string, argv []string) (Result, error)
}

// Devices is implemented by a System whose nodes tell which of their interfaces can do PTP: on a cluster, in NodePtpDevice.
type Devices interface {
	Devices(ctx context.Context, node string) ([]Device, error)
}

// Device is an interface that its node calls capable of PTP.
type Device struct {
	Name   string // "ens1f0"
	PCI    string // "0000:01:00.0"; "" if unknown
	Vendor string // PCI vendor, "0x8086"; "" if unknown
	Driver string // "ice"; "" if unknown
}
