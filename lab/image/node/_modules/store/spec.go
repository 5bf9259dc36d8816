package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"

	"github.com/containerd/containerd/containers"
	"github.com/containerd/containerd/namespaces"
	"github.com/containerd/containerd/oci"
)

// writeSpec writes what containerd starts each container from: its own default without limits of resources, so that
// containers have the node's.
func writeSpec(ctx context.Context, path string) error {
	spec, err := oci.GenerateSpec(namespaces.WithNamespace(ctx, namespaces.Default), nil, &containers.Container{})
	if err != nil {
		return fmt.Errorf("container specification: %w", err)
	}
	spec.Process.Rlimits = nil
	text, err := json.Marshal(spec)
	if err != nil {
		return fmt.Errorf("container specification: %w", err)
	}
	return os.WriteFile(path, text, 0o644)
}
