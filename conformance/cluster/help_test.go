package cluster

import (
	"context"
	"iter"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ptplab/ptplab/conformance/cluster/fake"
)

func keys[V any](m map[string]V) iter.Seq[string] { return maps.Keys(m) }

// without drops the objects whose names begin so.
func without(all map[string]fake.Object, prefixes ...string) map[string]fake.Object {
	maps.DeleteFunc(all, func(name string, _ fake.Object) bool {
		for _, prefix := range prefixes {
			if strings.HasPrefix(name, prefix) {
				return true
			}
		}
		return false
	})
	return all
}

// same compares all objects of a cluster at two times.
func same(t *testing.T, before, after map[string]fake.Object) {
	t.Helper()
	if diff := cmp.Diff(before, after); diff != "" {
		t.Errorf("the cluster is not as before (-before +after):\n%s", diff)
	}
}

// fakeClock goes only when somebody sleeps.
type fakeClock struct{ now time.Time }

func (c *fakeClock) Now(context.Context) (time.Time, error) { return c.now, nil }

func (c *fakeClock) Sleep(_ context.Context, d time.Duration) error {
	c.now = c.now.Add(d)
	return nil
}
