package lab

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/prometheus/common/expfmt"

	"github.com/ptplab/ptplab/kernel/selftest"
	"github.com/ptplab/ptplab/lab/agent"
	"github.com/ptplab/ptplab/lab/node"
)

// metrics is what a node's metrics endpoint serves.
func (w *World) metrics(_ context.Context, _ *agent.Request, args NodeArgs) (string, error) {
	n, err := w.node(args.Node)
	if err != nil {
		return "", err
	}
	families, err := n.Gatherer().Gather()
	if err != nil {
		return "", fmt.Errorf("metrics of %s: %w", args.Node, err)
	}
	var text bytes.Buffer
	for _, f := range families {
		if _, err := expfmt.MetricFamilyToText(&text, f); err != nil {
			return "", fmt.Errorf("metrics of %s: %w", args.Node, err)
		}
	}
	return text.String(), nil
}

// logs sends the lines that a node, or each of them, still has, and those that come while args.Follow passes.
func (w *World) logs(ctx context.Context, req *agent.Request, args LogsArgs) (any, error) {
	plan, err := w.current()
	if err != nil {
		return nil, err
	}
	chosen := own(plan)
	if args.Node != "" {
		chosen = []string{args.Node}
	}
	if args.Follow > 0 {
		return nil, w.followLogs(ctx, req, chosen, args)
	}
	for _, owner := range chosen {
		n, err := w.node(owner)
		if err != nil {
			return nil, err
		}
		for line := range n.Logs(ctx, false) {
			if line.At.Before(args.Since) {
				continue
			}
			if err := sendLine(req, owner, line); err != nil {
				return nil, err
			}
		}
	}
	return nil, nil
}

func (w *World) followLogs(ctx context.Context, req *agent.Request, owners []string, args LogsArgs) error {
	ctx, cancel := context.WithTimeout(ctx, args.Follow)
	defer cancel()
	done := make(chan error, len(owners))
	for _, owner := range owners {
		n, err := w.node(owner)
		if err != nil {
			return err
		}
		go func() {
			for line := range n.Logs(ctx, true) {
				if err := sendLine(req, owner, line); err != nil {
					done <- err
					return
				}
			}
			done <- nil
		}()
	}
	var faults []error
	for range owners {
		faults = append(faults, <-done)
	}
	return errors.Join(faults...)
}

func sendLine(req *agent.Request, owner string, line node.LogLine) error {
	return req.Event(LogLine{At: line.At, Node: owner, Process: line.Config, Text: line.Text})
}

// selftest checks the kernel's NICs and clocks. It makes devices of its own and takes them away.
func (w *World) selftest(req *agent.Request) error {
	return selftest.Run(eventWriter(func(p []byte) error { return req.Event(Output{Stdout: p}) }))
}
