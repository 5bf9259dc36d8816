package fake

import (
	"context"
	"fmt"
	"math"
	"path"
	"strings"
	"time"

	"github.com/ptplab/ptplab/conformance/metrics"
	"github.com/ptplab/ptplab/conformance/sut"
)

// Inventory is the one that the world was made from.
func (w *World) Inventory(context.Context) (sut.Inventory, error) { return w.inventory, nil }

// Now is the simulated time.
func (w *World) Now(context.Context) (time.Time, error) { return w.now, nil }

// Sleep lets simulated time pass.
func (w *World) Sleep(ctx context.Context, d time.Duration) error {
	w.advance(d)
	return ctx.Err()
}

// SetLink takes a link up or down.
func (w *World) SetLink(_ context.Context, port sut.PortRef, up bool) error {
	w.down[port] = !up
	return nil
}

// SetClockError makes an instance's clock err for good.
func (w *World) SetClockError(_ context.Context, port sut.PortRef, errorNs int64) error {
	i, err := w.owner(port)
	w.ClockError[i.Name] = float64(errorNs)
	return err
}

// SetAsymmetry makes the cable at a port asymmetric.
func (w *World) SetAsymmetry(_ context.Context, port sut.PortRef, asymmetryNs int64) error {
	w.asymmetry[port] = float64(asymmetryNs)
	return nil
}

// TrueError samples the clocks.
func (w *World) TrueError(ctx context.Context, ports []sut.PortRef, duration, interval time.Duration) ([]sut.Series, error) {
	series := make([]sut.Series, len(ports))
	for at := time.Duration(0); ; at += interval {
		for n, port := range ports {
			i, err := w.owner(port)
			if err != nil {
				return nil, err
			}
			series[n].Port = port
			series[n].Samples = append(series[n].Samples, sut.Sample{At: at, ErrorNs: w.trueError(i.Name)})
		}
		if at+interval > duration {
			return series, ctx.Err()
		}
		w.advance(interval)
	}
}

// Metrics prints the metrics of a node's instances.
func (w *World) Metrics(_ context.Context, node string) ([]byte, error) {
	var roles, states, offsets, classes strings.Builder
	for _, i := range w.inventory.Instances {
		if _, configured := w.conf(i); i.Node != node || !configured {
			continue
		}
		class := w.class(i.Name)
		if i.Type == sut.Ordinary {
			class = w.ownClass(i.Name)
		}
		fmt.Fprintf(&classes, "openshift_ptp_clock_class{config=%q,node=%q,process=\"ptp4l\"} %d\n", path.Base(i.Config), node, class)
		for _, port := range i.ReceivePorts {
			fmt.Fprintf(&roles, "openshift_ptp_interface_role{iface=%q,node=%q,process=\"ptp4l\"} %d\n", port, node, w.role(i, port))
		}
		for _, port := range i.TransmitPorts {
			fmt.Fprintf(&roles, "openshift_ptp_interface_role{iface=%q,node=%q,process=\"ptp4l\"} %d\n", port, node, metrics.RoleMaster)
		}
		if !i.IsReceiver() {
			continue
		}
		alias := metrics.Alias(i.ReceivePorts[0])
		fmt.Fprintf(&states, "openshift_ptp_clock_state{iface=%q,node=%q,process=\"ptp4l\"} %d\n", alias, node, w.state(i))
		fmt.Fprintf(&offsets, "openshift_ptp_offset_ns{from=\"master\",iface=%q,node=%q,process=\"ptp4l\"} %d\n", alias, node, w.offset(i))
	}
	return []byte("# TYPE openshift_ptp_interface_role gauge\n" + roles.String() +
		"# TYPE openshift_ptp_clock_state gauge\n" + states.String() +
		"# TYPE openshift_ptp_offset_ns gauge\n" + offsets.String() +
		"# TYPE openshift_ptp_clock_class gauge\n" + classes.String()), nil
}

func (w *World) role(i sut.Instance, port string) metrics.Role {
	c := w.clocks[i.Name]
	switch {
	case w.down[sut.PortRef{Node: i.Node, Interface: port}]:
		return metrics.RoleFaulty
	case c.port == port && c.hearing >= lockTime/2:
		return metrics.RoleSlave
	}
	return metrics.RoleListening
}

func (w *World) state(i sut.Instance) metrics.ClockState {
	c := w.clocks[i.Name]
	timeout, ok := w.HoldoverTime[i.Name]
	if !ok {
		timeout = holdoverTime
	}
	switch {
	case c.hearing >= lockTime && math.Abs(c.stepped) > bound:
		return metrics.FreeRun
	case c.hearing >= lockTime:
		return metrics.Locked
	case c.wasUp && c.missing > 0 && c.missing <= timeout:
		return metrics.Holdover
	}
	return metrics.FreeRun
}

func (w *World) offset(i sut.Instance) int {
	if c := w.clocks[i.Name]; c.hearing >= lockTime {
		return 1 + int(c.stepped)
	}
	return 999999
}
