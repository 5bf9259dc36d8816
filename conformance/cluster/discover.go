package cluster

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/ptplab/ptplab/conformance/l2"
	"github.com/ptplab/ptplab/conformance/sut"
)

// hearWithin is how long ports may take to be heard, once all pods run.
const hearWithin = 10 * time.Second

// Discover probes from every node with a pod of a daemon set, and deletes that afterwards. Inventory uses what was found.
func (s *System) Discover(ctx context.Context, r l2.Request) (*l2.Graph, error) {
	if r.Deadline == 0 {
		r.Deadline = hearWithin
	}
	if len(r.Nodes) == 0 {
		nodes, err := s.nodes(ctx)
		if err != nil {
			return nil, err
		}
		r.Nodes = nodes
	}
	graph, err := s.discover(ctx, r)
	if !s.options.PreconfiguredDiscovery {
		err = joined(err, s.deleteNamespace(context.WithoutCancel(ctx), discoveryNamespace))
	}
	if err != nil {
		return nil, err
	}
	s.graph = graph
	return graph, nil
}

func (s *System) discover(ctx context.Context, r l2.Request) (*l2.Graph, error) {
	if !s.options.PreconfiguredDiscovery {
		if err := s.startDiscovery(ctx, r); err != nil {
			return nil, err
		}
	}
	pods, err := s.discoveryPods(ctx, r.Nodes)
	if err != nil {
		return nil, err
	}
	return s.listen(ctx, r, pods)
}

// discoveryPods waits until a pod is ready on each node.
func (s *System) discoveryPods(ctx context.Context, nodes []string) (map[string]string, error) {
	pods := map[string]string{} // node, name
	subject := "a pod of " + discoveryName + " to run on each of " + strings.Join(nodes, ", ")
	err := s.await(ctx, subject, podWithin, s.podsOf(discoveryNamespace, "name="+discoveryName, ""), func(all objects) (bool, string, error) {
		clear(pods)
		var states []string
		for _, key := range slices.Sorted(maps.Keys(all)) {
			pod, ok := all[key].(*corev1.Pod)
			if ok && isReady(pod) {
				pods[pod.Spec.NodeName] = pod.Name
			}
			if ok && !isReady(pod) {
				states = append(states, pod.Spec.NodeName+" "+whyNot(pod))
			}
		}
		for _, node := range nodes {
			if pods[node] == "" {
				return false, fmt.Sprintf("%d of %d run; %s", len(pods), len(nodes), strings.Join(states, "; ")), nil
			}
		}
		return true, "", nil
	})
	maps.DeleteFunc(pods, func(node, _ string) bool { return !slices.Contains(nodes, node) })
	return pods, err
}

// heard is a report of a node, or why there are no more.
type heard struct {
	node   string
	report l2.Report
	err    error
}

// listen follows the reports of all pods until every expected port was heard, and it has listened for as long as asked, or the
// deadline passes.
func (s *System) listen(ctx context.Context, r l2.Request, pods map[string]string) (*l2.Graph, error) {
	streams, cancel := context.WithCancel(ctx)
	news := make(chan heard)
	defer func() {
		cancel()
		for range pods { // each says when it ends
			for (<-news).err == nil {
			}
		}
	}()
	for node, pod := range pods {
		go s.followReports(streams, node, pod, news)
	}
	begun := time.Now()
	deadline, stop := context.WithTimeoutCause(ctx, r.Deadline, errDeadline)
	defer stop()
	least, stopLeast := context.WithTimeout(ctx, r.Listen)
	defer stopLeast()
	listened := least.Done()
	reports := map[string]l2.Report{}
	for {
		graph := l2.Merge(reports, r.Skip)
		unheard := graph.Unheard(r.Expect)
		if listened == nil && len(reports) == len(pods) && len(unheard) == 0 && whole(graph) {
			return graph, nil
		}
		select {
		case one := <-news:
			if one.err != nil {
				delete(pods, one.node) // it has said so
				return nil, fmt.Errorf("discover the ports of node %s: %w", one.node, one.err)
			}
			reports[one.node] = one.report
		case <-listened:
			listened = nil
		case <-deadline.Done():
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
			return givenUp(graph, reports, pods, unheard, time.Since(begun))
		}
	}
}

// whole says whether whoever hears somebody is heard by them.
func whole(graph *l2.Graph) bool {
	return !slices.ContainsFunc(graph.Faults, func(fault string) bool { return strings.HasSuffix(fault, "but not the other way round") })
}

// givenUp is a graph with faults for what was not heard in time.
func givenUp(graph *l2.Graph, reports map[string]l2.Report, pods map[string]string, unheard []sut.PortRef, waited time.Duration) (*l2.Graph, error) {
	var silent []string
	for _, node := range slices.Sorted(maps.Keys(pods)) {
		if reports[node] == nil {
			silent = append(silent, node)
		}
	}
	if len(silent) > 0 {
		return nil, fmt.Errorf("discover how the ports are cabled: no report from node %s in %s", strings.Join(silent, ", "), waited.Round(time.Millisecond))
	}
	var names []string
	for _, ref := range unheard {
		names = append(names, ref.String())
	}
	if len(names) > 0 {
		graph.Faults = append(graph.Faults, fmt.Sprintf("no other port heard %s in %s", strings.Join(names, ", "), waited.Round(time.Millisecond)))
	}
	return graph, nil
}

// followReports sends every report of a pod's log, and an error at the end.
func (s *System) followReports(ctx context.Context, node, pod string, news chan<- heard) {
	err := s.readReports(ctx, pod, func(r l2.Report) error {
		select {
		case news <- heard{node: node, report: r}:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	})
	news <- heard{node: node, err: err}
}

func (s *System) readReports(ctx context.Context, pod string, tell func(l2.Report) error) error {
	log, err := s.kube.CoreV1().Pods(discoveryNamespace).GetLogs(pod, &corev1.PodLogOptions{Follow: true}).Stream(ctx)
	if err != nil {
		return s.explain(err, "follow the log of pod %s", pod)
	}
	defer log.Close()
	for report, err := range l2.ReadLines(log) {
		if err != nil {
			return err
		}
		if err := tell(report); err != nil {
			return err
		}
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return errors.Join(errors.New("the discovery has ended early"), lastWords(ctx, s, pod))
}

// lastWords are the end of a pod's log.
func lastWords(ctx context.Context, s *System, pod string) error {
	log, err := s.kube.CoreV1().Pods(discoveryNamespace).GetLogs(pod, &corev1.PodLogOptions{TailLines: new(int64(3))}).Stream(ctx)
	if err != nil {
		return err
	}
	defer log.Close()
	text, err := io.ReadAll(io.LimitReader(log, 2000))
	if err != nil || len(text) == 0 {
		return err
	}
	return errors.New(strings.TrimSpace(string(text)))
}
