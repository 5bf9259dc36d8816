package cluster

import (
	"context"
	"fmt"
	"io"

	"github.com/ptplab/ptplab/conformance/l2"
)

// PodMain is what ptplab runs in the pods of the suite: "l2" with the arguments of l2.Main, or "mailbox". It ends with ctx. The
// command line of ptplab must reach it by "ptplab pod ARGUMENTS".
func PodMain(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	if len(args) == 0 {
		return fmt.Errorf("which program of a pod: l2 or mailbox")
	}
	switch args[0] {
	case "l2":
		return l2.Main(ctx, args[1:], stdout, stderr)
	case "mailbox":
		return serveMail(ctx, fmt.Sprintf(":%d", mailPort), fmt.Sprintf("localhost:%d", collectPort))
	}
	return fmt.Errorf("there is no program %q of a pod; there are l2 and mailbox", args[0])
}
