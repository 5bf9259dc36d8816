//go:build tools

// Nothing here is linked: kind is required for the files of its base image, which are in its module.

package main

import (
	_ "sigs.k8s.io/kind/pkg/apis/config/defaults"
)
