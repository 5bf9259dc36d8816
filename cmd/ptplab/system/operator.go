package system

import (
	"context"
	"errors"
	"fmt"

	"github.com/ptplab/ptplab/conformance/sut"
	"github.com/ptplab/ptplab/lab"
)

var _ sut.Operator = (*System)(nil)

// OperatorConfig are the settings that a PtpOperatorConfig would have.
func (s *System) OperatorConfig(ctx context.Context) (sut.OperatorConfig, error) {
	l, err := s.notifying()
	if err != nil {
		return sut.OperatorConfig{}, err
	}
	c, err := l.Operator(ctx)
	if err != nil {
		return sut.OperatorConfig{}, fmt.Errorf("read the operator's settings: %w", err)
	}
	return sut.OperatorConfig{EnableEventPublisher: c.EnableEventPublisher, APIVersion: c.APIVersion}, nil
}

// SetOperatorConfig changes the settings. The nodes' notification services start and end with them.
func (s *System) SetOperatorConfig(ctx context.Context, c sut.OperatorConfig) error {
	l, err := s.notifying()
	if err != nil {
		return err
	}
	err = l.SetOperator(ctx, lab.OperatorConfig{EnableEventPublisher: c.EnableEventPublisher, APIVersion: c.APIVersion})
	var turnedDown *lab.RefusedError
	switch {
	case errors.As(err, &turnedDown):
		return &sut.RefusedError{Object: "PtpOperatorConfig default", Reason: turnedDown.Reason}
	case err != nil:
		return fmt.Errorf("set the operator's settings: %w", err)
	}
	return nil
}
