package main

import (
	"context"
	"fmt"
	"time"
)

// How much simulated time a rate is measured over: some seconds of wall time at the rates that are to be reached.
const (
	dnbcTime = time.Minute
	ocTime   = 10 * time.Minute
)

// starSizes are the numbers of workers with which growth is measured.
var starSizes = [...]int{10, 30, 100}

// benches are all there are, in the order of the table.
func benches() []bench {
	return []bench{dnbcBench(), ocBench(), commandBench(), starBench(), kindBench()}
}

// dnbcBench is one life of the lab that most is done with.
func dnbcBench() bench {
	const (
		rate, cpu = "dnbc: virtual time", "dnbc: virtual time per CPU time"
		up, down  = "dnbc: up to all clocks locked", "dnbc: down"
		memory    = "dnbc: memory of the whole lab"
	)
	return bench{
		name: "dnbc",
		rows: []Row{
			{Name: rate, Unit: "s/s", Target: 25, AtLeast: true},
			{Name: cpu, Unit: "s/s", AtLeast: true},
			{Name: up, Unit: "s", Target: 10},
			{Name: down, Unit: "s", Target: 1},
			{Name: memory, Unit: "MB", Target: 300},
		},
		once: func(ctx context.Context, e *environment) (figures, error) {
			plan, err := e.loadPlan("dnbc.yaml")
			if err != nil {
				return nil, err
			}
			f := figures{}
			gone, err := e.try(ctx, plan, func(ctx context.Context, t *trial) (err error) {
				f[up] = t.up.Seconds()
				if f[rate], f[cpu], err = t.rate(ctx, dnbcTime); err != nil {
					return err
				}
				f[memory], err = t.memory()
				return err
			})
			f[down] = gone.Seconds()
			return f, err
		},
	}
}

// ocBench is a grandmaster and an ordinary clock: the two ptp4l alone, which is what the target is about, and with a phc2sys
// that steers the system clock from the receiver, as in the topology file.
func ocBench() bench {
	const rate, cpu, steered = "oc: virtual time", "oc: virtual time per CPU time", "oc: virtual time, with phc2sys"
	return bench{
		name: "oc",
		rows: []Row{
			{Name: rate, Unit: "s/s", Target: 250, AtLeast: true},
			{Name: cpu, Unit: "s/s", AtLeast: true},
			{Name: steered, Unit: "s/s", AtLeast: true},
		},
		once: func(ctx context.Context, e *environment) (figures, error) {
			plan, err := e.loadPlan("oc.yaml")
			if err != nil {
				return nil, err
			}
			f := figures{}
			if _, err = e.try(ctx, plan, func(ctx context.Context, t *trial) (err error) {
				f[steered], _, err = t.rate(ctx, ocTime)
				return err
			}); err != nil {
				return nil, err
			}
			for i := range plan.Clocks {
				plan.Clocks[i].SystemClock = false
			}
			_, err = e.try(ctx, plan, func(ctx context.Context, t *trial) (err error) {
				f[rate], f[cpu], err = t.rate(ctx, ocTime)
				return err
			})
			return f, err
		},
	}
}

// starBench makes labs of growing size. Those that are compared are made one after the other, under the same load.
func starBench() bench {
	const growth = "star: growth of up, 10 to 100"
	upOf := func(n int) string { return fmt.Sprintf("star: up with %d workers", n) }
	largest := starSizes[len(starSizes)-1]
	down := fmt.Sprintf("star: down with %d workers", largest)
	b := bench{name: "star"}
	for _, n := range starSizes {
		r := Row{Name: upOf(n), Unit: "s"}
		if n == largest {
			r.Target = 60
		}
		b.rows = append(b.rows, r)
	}
	b.rows = append(b.rows, Row{Name: growth, Unit: "n^", Target: 1}, Row{Name: down, Unit: "s"})
	b.once = func(ctx context.Context, e *environment) (figures, error) {
		f := figures{}
		for _, n := range starSizes {
			plan, err := starPlan(n)
			if err != nil {
				return nil, err
			}
			gone, err := e.try(ctx, plan, func(_ context.Context, t *trial) error {
				f[upOf(n)] = t.up.Seconds()
				return nil
			})
			if err != nil {
				return nil, err
			}
			f[down] = gone.Seconds()
		}
		first := starSizes[0]
		f[growth] = exponent(float64(first), f[upOf(first)], float64(largest), f[upOf(largest)])
		return f, nil
	}
	return b
}
