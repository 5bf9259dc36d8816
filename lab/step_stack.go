package lab

import (
	"context"
	"fmt"

	"github.com/ptplab/ptplab/lab/kube"
	"github.com/ptplab/ptplab/lab/node"
)

// stackStep is ptplab's PTP operator and daemon in the lab's cluster.
type stackStep struct{ part }

func (s *stackStep) Name() string { return "PTP stack" }
func (s *stackStep) size() State  { return State{Want: 1} }

// stack is how a lab wants to have them.
func stack() kube.Options {
	return kube.Options{SharedClock: true, EventPublisher: true, Monitoring: true}
}

func (s *stackStep) Observe(ctx context.Context) (State, error) {
	config, err := s.world.cluster.rest(ctx)
	if err != nil {
		return s.size(), nil // there is no cluster yet
	}
	have, want, err := kube.Observe(ctx, config, stack())
	return State{Have: have, Want: want}, err
}

func (s *stackStep) Apply(ctx context.Context) error {
	config, err := s.world.cluster.rest(ctx)
	if err != nil {
		return err
	}
	return kube.Deploy(ctx, config, stack(), func(what string, done, want int) { s.note(what, done, want) })
}

func (s *stackStep) Remove(context.Context) error { return nil } // it goes with the cluster

// configsStep is the PtpConfig objects that the topology asks for, in the lab's cluster.
type configsStep struct{ part }

func (s *configsStep) Name() string { return "PtpConfigs" }
func (s *configsStep) size() State  { return State{Want: len(node.PtpConfigs(s.plan))} }

func (s *configsStep) Observe(ctx context.Context) (State, error) {
	config, err := s.world.cluster.rest(ctx)
	if err != nil {
		return s.size(), nil
	}
	text, err := s.yaml()
	if err != nil {
		return State{}, err
	}
	have, want, err := kube.ObserveConfigs(ctx, config, text)
	return State{Have: have, Want: want}, err
}

func (s *configsStep) yaml() ([]byte, error) {
	objects, err := topologyConfigs(s.plan)
	if err != nil {
		return nil, err
	}
	return objects.yaml(), nil
}

func (s *configsStep) Apply(ctx context.Context) error {
	config, err := s.world.cluster.rest(ctx)
	if err != nil {
		return err
	}
	text, err := s.yaml()
	if err != nil {
		return err
	}
	if err := kube.PutConfigs(ctx, config, text); err != nil {
		return fmt.Errorf("create the PtpConfigs of the topology: %w", err)
	}
	return nil
}

func (s *configsStep) Remove(context.Context) error { return nil }
