package daemon

import (
	"context"
	"io"
	"strings"

	"github.com/ptplab/ptplab/lab/node"
)

// printLog prints the log of a node's programs as it comes, until the function that it gives is called.
func printLog(n *node.Node, to io.Writer) (end func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for l := range n.Logs(ctx, true) {
			// Who reads the log of a container is no reason to stop its clocks.
			_, _ = io.WriteString(to, printed(l)+"\n")
		}
	}()
	return func() { cancel(); <-done }
}

// printed is a line as upstream's daemon prints it: a program's own has its tag, [ptp4l.0.config:6], and what the node
// says of a program gets one.
func printed(l node.LogLine) string {
	switch {
	case l.Config == "":
		return "linuxptp-daemon: " + l.Text
	case strings.Contains(l.Text, ".config:"), strings.Contains(l.Text, ".config]"):
		return l.Text
	}
	return "linuxptp-daemon: [" + l.Config + "] " + l.Text
}
