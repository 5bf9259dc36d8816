package l2

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"

	"golang.org/x/sys/unix"
)

// Node is where to probe from.
type Node struct {
	Name      string
	Namespace *os.File // its network namespace; nil for the one of the caller
}

// prober sends and hears frames at every port of one node.
type prober struct {
	node    Node
	log     *slog.Logger
	own     map[string]bool // MAC addresses of the node
	ports   []probedPort
	readers sync.WaitGroup

	mu     sync.Mutex
	report Report
	news   int // how often something new was heard
}

type probedPort struct {
	nodePort
	socket *socket
}

// openProber begins to listen at the ports of a node but those that are to be skipped or are members of a bond.
func openProber(node Node, skip Skip, all bool, log *slog.Logger) (*prober, error) {
	inv, err := takeInventory(node.Namespace, all)
	if err != nil {
		return nil, fmt.Errorf("inventory of %s: %w", node.Name, err)
	}
	p := &prober{node: node, log: log, own: inv.own, report: Report{}}
	for _, port := range inv.ports {
		p.report.neighbors(Inventory, port.Local)
	}
	if err := inNamespace(node.Namespace, func() error { return p.openPorts(inv.ports, skip) }); err != nil {
		p.close()
		return nil, fmt.Errorf("probe from %s: %w", node.Name, err)
	}
	for _, port := range p.ports {
		p.readers.Go(func() { p.listen(port) })
	}
	return p, nil
}

func (p *prober) openPorts(ports []nodePort, skip Skip) error {
	for _, port := range ports {
		if port.IsMember() || skip.Has(p.node.Name, port.IfName) {
			continue
		}
		s, err := openSocket(port.IfIndex)
		if err != nil {
			return fmt.Errorf("%s: %w", port.IfName, err)
		}
		p.ports = append(p.ports, probedPort{port, s})
	}
	return nil
}

// close ends listening.
func (p *prober) close() {
	for _, port := range p.ports {
		port.socket.close()
	}
	p.readers.Wait()
}

// send sends one probe frame from every port. Ports without a link lose theirs.
func (p *prober) send() error {
	var faults []error
	for _, port := range p.ports {
		err := port.socket.send(probeFrame(port.hardware))
		if err != nil && !errors.Is(err, unix.ENETDOWN) {
			faults = append(faults, fmt.Errorf("send probe from %s/%s: %w", p.node.Name, port.IfName, err))
		}
	}
	return errors.Join(faults...)
}

// listen records what a port hears until its socket is closed.
func (p *prober) listen(port probedPort) {
	for {
		frame, err := port.socket.receive()
		var failed unix.Errno
		switch {
		case err == nil:
			p.hear(port.Local, frame)
		case errors.Is(err, os.ErrClosed):
			return
		case errors.Is(err, unix.ENETDOWN), !errors.As(err, &failed):
			p.log.Debug("passed over", "node", p.node.Name, "port", port.IfName, "why", err)
		default:
			p.log.Warn("stopped listening", "node", p.node.Name, "port", port.IfName, "why", err)
			return
		}
	}
}

// hear records a frame.
func (p *prober) hear(port Local, f Frame) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.report.hear(port, f, p.own) {
		p.news++
	}
}

// snapshot is a copy of what is known so far, and how often it has changed.
func (p *prober) snapshot() (Report, int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.report.clone(), p.news
}

// openAll opens a prober at every node. It opens all or none.
func openAll(nodes []Node, skip Skip, all bool, log *slog.Logger) ([]*prober, error) {
	var probers []*prober
	for _, node := range nodes {
		p, err := openProber(node, skip, all, log)
		if err != nil {
			closeAll(probers)
			return nil, err
		}
		probers = append(probers, p)
	}
	return probers, nil
}

func closeAll(probers []*prober) {
	for _, p := range probers {
		p.close()
	}
}
