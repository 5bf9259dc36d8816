package cluster

import (
	"context"
	"encoding/json"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/dynamic"

	"github.com/ptplab/ptplab/conformance/sut"
)

func (s *System) operatorConfigs() dynamic.ResourceInterface {
	return s.dynamic.Resource(operatorConfigResource()).Namespace(s.namespace)
}

func (s *System) operatorConfig(ctx context.Context) (*unstructured.Unstructured, error) {
	object, err := s.operatorConfigs().Get(ctx, operatorConfigName, metav1.GetOptions{})
	return object, s.explain(err, "get PtpOperatorConfig %s", operatorConfigName)
}

// OperatorConfig is what PtpOperatorConfig "default" says of events.
func (s *System) OperatorConfig(ctx context.Context) (sut.OperatorConfig, error) {
	var c sut.OperatorConfig
	object, err := s.operatorConfig(ctx)
	if err != nil {
		return c, err
	}
	if c.EnableEventPublisher, _, err = unstructured.NestedBool(object.Object, "spec", "ptpEventConfig", "enableEventPublisher"); err == nil {
		c.APIVersion, _, err = unstructured.NestedString(object.Object, "spec", "ptpEventConfig", "apiVersion")
	}
	return c, s.explain(err, "read PtpOperatorConfig %s", operatorConfigName)
}

// SetOperatorConfig changes them, and leaves the rest of the object as it is.
func (s *System) SetOperatorConfig(ctx context.Context, c sut.OperatorConfig) error {
	return s.retried("PtpOperatorConfig "+operatorConfigName, func() error {
		object, err := s.operatorConfig(ctx)
		if err != nil {
			return err
		}
		events, _, err := unstructured.NestedMap(object.Object, "spec", "ptpEventConfig")
		if err != nil {
			return s.explain(err, "read PtpOperatorConfig %s", operatorConfigName)
		}
		if events == nil {
			events = map[string]any{}
		}
		events["enableEventPublisher"] = c.EnableEventPublisher
		if c.APIVersion == "" {
			delete(events, "apiVersion")
		} else {
			events["apiVersion"] = c.APIVersion
		}
		return s.setEvents(ctx, object, events)
	})
}

// setEvents replaces spec.ptpEventConfig; nil takes it away.
func (s *System) setEvents(ctx context.Context, object *unstructured.Unstructured, events map[string]any) error {
	current, found, err := unstructured.NestedMap(object.Object, "spec", "ptpEventConfig")
	if err != nil {
		return s.explain(err, "read PtpOperatorConfig %s", operatorConfigName)
	}
	var before, after *string
	if found {
		if before, err = text(current); err != nil {
			return err
		}
	}
	if events != nil {
		if after, err = text(events); err != nil {
			return err
		}
	}
	return s.change(ctx, entry{Kind: kindOperator, Before: before}, after, func() error {
		wanted := object.DeepCopy()
		unstructured.RemoveNestedField(wanted.Object, "spec", "ptpEventConfig")
		if events != nil {
			if err := unstructured.SetNestedMap(wanted.Object, events, "spec", "ptpEventConfig"); err != nil {
				return err
			}
		}
		_, err := s.operatorConfigs().Update(ctx, wanted, metav1.UpdateOptions{})
		if err == nil || apierrors.IsConflict(err) {
			return err
		}
		if refusal := refused("PtpOperatorConfig "+operatorConfigName, err); refusal != nil {
			return refusal
		}
		return s.explain(err, "update PtpOperatorConfig %s", operatorConfigName)
	})
}

// restoreEvents brings spec.ptpEventConfig back to what a journal's entry says.
func (s *System) restoreEvents(ctx context.Context, before *string) error {
	var events map[string]any
	if before != nil {
		if err := json.Unmarshal([]byte(*before), &events); err != nil {
			return err
		}
	}
	return s.retried("PtpOperatorConfig "+operatorConfigName, func() error {
		object, err := s.operatorConfig(ctx)
		if err != nil {
			return err
		}
		return s.setEvents(ctx, object, events)
	})
}
