package sut

import "context"

// Rebooter is implemented by a System whose nodes the suite may reboot. Plain nodes of a lab share a kernel and cannot.
type Rebooter interface {
	// Reboot asks a node to reboot, and returns before it does.
	Reboot(ctx context.Context, node string) error
}
