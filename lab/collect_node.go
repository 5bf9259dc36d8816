package lab

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/ptplab/ptplab/lab/topology"
)

// node adds what there is of one owner.
func (c *collection) node(ctx context.Context, plan *topology.Plan, owner string) {
	folder := "nodes/" + owner
	if slices.Contains(own(plan), owner) { // pods have their logs and metrics elsewhere
		c.try(ctx, folder+"/log.txt", func(ctx context.Context) error {
			var text bytes.Buffer
			err := c.lab.Logs(ctx, LogsArgs{Node: owner}, func(l LogLine) {
				fmt.Fprintf(&text, "%s %s\n", l.At.UTC().Format(time.RFC3339Nano), l.Text)
			})
			c.put(folder+"/log.txt", text.Bytes())
			return err
		})
		c.try(ctx, folder+"/metrics.txt", func(ctx context.Context) error {
			text, err := c.lab.Metrics(ctx, owner)
			if err == nil {
				c.put(folder+"/metrics.txt", []byte(text))
			}
			return err
		})
	}
	c.files(ctx, folder, owner)
	c.command(ctx, owner, "ip-link.txt", "ip", "-d", "-s", "link")
	for _, n := range plan.NICs {
		if n.Owner != owner {
			continue
		}
		for _, p := range n.Ports {
			c.command(ctx, owner, "ethtool-"+p.Name+".txt", "ethtool", "-T", p.Name)
		}
	}
}

// command adds what a command prints in a node.
func (c *collection) command(ctx context.Context, owner, file string, argv ...string) {
	name := "nodes/" + owner + "/" + file
	c.try(ctx, name, func(ctx context.Context) error {
		text, err := c.output(ctx, owner, argv)
		if err == nil || len(text) > 0 {
			c.put(name, text)
		}
		return err
	})
}
