package system

import (
	"context"
	"errors"
	"fmt"

	"github.com/ptplab/ptplab/conformance/ptpconfig"
	"github.com/ptplab/ptplab/conformance/sut"
	"github.com/ptplab/ptplab/lab"
)

// Configs are the objects that configure the lab's workers.
func (s *System) Configs(ctx context.Context) ([]ptpconfig.PtpConfig, error) {
	objects, _, err := s.configured(ctx)
	return objects, err
}

// configured are the objects that configure the lab's workers, and the labels of each.
func (s *System) configured(ctx context.Context) ([]ptpconfig.PtpConfig, map[string][]string, error) {
	c, err := s.lab.Configs(ctx)
	if err != nil {
		return nil, nil, fmt.Errorf("list the PtpConfig objects: %w", err)
	}
	objects, err := ptpconfig.Parse(c.YAML)
	if err != nil {
		return nil, nil, fmt.Errorf("read the lab's PtpConfig objects: %w", err)
	}
	return objects, c.Labels, nil
}

// PutConfig adds an object to those of the workers, or replaces the one of its name.
func (s *System) PutConfig(ctx context.Context, object ptpconfig.PtpConfig) error {
	text, err := ptpconfig.YAML(object)
	if err != nil {
		return err
	}
	err = s.lab.PutConfig(ctx, text)
	var refused *lab.RefusedError
	switch {
	case errors.As(err, &refused):
		return &sut.RefusedError{Object: "PtpConfig " + object.Metadata.Name, Reason: refused.Reason}
	case err != nil:
		return fmt.Errorf("put PtpConfig %s: %w", object.Metadata.Name, err)
	}
	return nil
}

// DeleteConfig deletes an object of the workers.
func (s *System) DeleteConfig(ctx context.Context, name string) error {
	if err := s.lab.DeleteConfig(ctx, name); err != nil {
		return fmt.Errorf("delete PtpConfig %s: %w", name, err)
	}
	return nil
}

// Labels lists the labels of a worker.
func (s *System) Labels(ctx context.Context, node string) ([]string, error) {
	c, err := s.lab.Configs(ctx)
	if err != nil {
		return nil, fmt.Errorf("list the labels of %s: %w", node, err)
	}
	labels, known := c.Labels[node]
	if !known {
		return nil, fmt.Errorf("list the labels of %s: it is no worker", node)
	}
	return labels, nil
}

// SetLabel puts a label on a worker or takes it away.
func (s *System) SetLabel(ctx context.Context, node, key string, present bool) error {
	if err := s.lab.SetLabel(ctx, node, key, present); err != nil {
		return fmt.Errorf("label %s of %s: %w", key, node, err)
	}
	return nil
}
