package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/ptplab/ptplab/lab"
	"github.com/ptplab/ptplab/lab/topology"
)

// daemonPods is the label of the pods whose logs are those of the cluster's workers.
const daemonPods = "app=linuxptp-daemon"

// isPod says whether a node's log is that of a pod; "" is all nodes, and no.
func isPod(p *topology.Plan, node string) bool {
	return p.Nodes == topology.NodesKind && slices.Contains(p.Workers, node)
}

// podNodes are the nodes whose logs are those of pods, of one node or, for "", of all.
func podNodes(p *topology.Plan, node string) []string {
	switch {
	case isPod(p, node):
		return []string{node}
	case node == "" && p.Nodes == topology.NodesKind:
		return p.Workers
	}
	return nil
}

// knowsNode checks that a node is one of the lab's, where the lab itself does not look after all of them.
func knowsNode(p *topology.Plan, node string) error {
	if p.Nodes != topology.NodesKind || node == "" || isPod(p, node) {
		return nil
	}
	all := slices.Clone(p.Workers)
	for _, g := range p.Grandmasters {
		all = append(all, g.Name)
	}
	for _, s := range p.Switches {
		all = append(all, s.Name)
	}
	if slices.Contains(all, node) {
		return nil
	}
	return usageErrorf("there is no node %s in the lab; there is %s", node, strings.Join(all, ", "))
}

// mustRun says whether a lab runs whose pods are being followed.
func mustRun(l *lab.Lab) error {
	running, err := l.Running()
	if err == nil && !running {
		err = fmt.Errorf("lab %s does not run any more", l.Name)
	}
	return err
}

// printLogs prints the logs of a node, or of all. A pod that has none does not keep others' from being printed.
func printLogs(ctx context.Context, l *lab.Lab, node string, p *logPrinter) error {
	if err := knowsNode(l.Plan, node); err != nil {
		return err
	}
	nodes := podNodes(l.Plan, node)
	var faults []error
	if len(nodes) > 0 {
		pods, err := podsOf(ctx, l)
		if err != nil {
			return err
		}
		for _, n := range nodes {
			faults = append(faults, pods.print(ctx, n, p))
		}
	}
	if !isPod(l.Plan, node) {
		faults = append(faults, l.Logs(ctx, lab.LogsArgs{Node: node}, p.print))
	}
	return errors.Join(append(faults, p.failed())...)
}

// podLogs are the logs of the daemon's pods of a cluster.
type podLogs struct{ kube kubernetes.Interface }

func podsOf(ctx context.Context, l *lab.Lab) (*podLogs, error) {
	path, err := l.Kubeconfig(ctx)
	if err != nil {
		return nil, err
	}
	kube, err := kubeClient(path)
	return &podLogs{kube}, err
}

// pod is the daemon's pod on a node: of several, the newest that is not about to go.
func (p *podLogs) pod(ctx context.Context, node string) (*corev1.Pod, error) {
	list, err := p.kube.CoreV1().Pods(ptpNamespace).List(ctx, metav1.ListOptions{LabelSelector: daemonPods})
	if err != nil {
		return nil, fmt.Errorf("log of %s: %w", node, err)
	}
	var newest *corev1.Pod
	for i := range list.Items {
		pod := &list.Items[i]
		if pod.Spec.NodeName != node || pod.DeletionTimestamp != nil {
			continue
		}
		if newest == nil || newest.CreationTimestamp.Before(&pod.CreationTimestamp) {
			newest = pod
		}
	}
	if newest == nil {
		return nil, fmt.Errorf("log of %s: no pod of linuxptp-daemon is on that node", node)
	}
	return newest, nil
}

// podLine is a line that a container has printed.
type podLine struct {
	at        time.Time // by the clock of its node
	container string
	text      string
}

// print prints what there is of the logs of a node's containers, in the order of their times.
func (p *podLogs) print(ctx context.Context, node string, to *logPrinter) error {
	pod, err := p.pod(ctx, node)
	if err != nil {
		return err
	}
	lines, err := p.read(ctx, pod)
	for _, line := range lines {
		to.line(node, line.container, line.text)
	}
	return err
}

func (p *podLogs) read(ctx context.Context, pod *corev1.Pod) ([]podLine, error) {
	var all []podLine
	var faults []error
	for _, c := range pod.Spec.Containers {
		err := p.stream(ctx, pod, c.Name, time.Time{}, false, func(line podLine) { all = append(all, line) })
		faults = append(faults, err)
	}
	slices.SortStableFunc(all, func(a, b podLine) int { return a.at.Compare(b.at) })
	return all, errors.Join(faults...)
}

// stream tells the lines of a container that are later than an instant and, with follow, those to come until it ends.
func (p *podLogs) stream(ctx context.Context, pod *corev1.Pod, container string, after time.Time, follow bool, tell func(podLine)) error {
	o := &corev1.PodLogOptions{Container: container, Timestamps: true, Follow: follow}
	if !after.IsZero() {
		o.SinceTime = &metav1.Time{Time: after.Truncate(time.Second)} // the API's own resolution
	}
	log, err := p.kube.CoreV1().Pods(pod.Namespace).GetLogs(pod.Name, o).Stream(ctx)
	if err != nil {
		return fmt.Errorf("log of container %s of pod %s: %w", container, pod.Name, err)
	}
	defer log.Close()
	in := bufio.NewReader(log)
	last := after
	for {
		text, err := in.ReadString('\n')
		if line := parsePodLine(container, strings.TrimRight(text, "\r\n"), last); text != "" && (after.IsZero() || line.at.After(after)) {
			tell(line)
			last = line.at
		}
		if errors.Is(err, io.EOF) || ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return fmt.Errorf("log of container %s of pod %s: %w", container, pod.Name, err)
		}
	}
}

// parsePodLine takes the time off a line. One without a time is just after the one before it.
func parsePodLine(container, text string, before time.Time) podLine {
	stamp, rest, _ := strings.Cut(text, " ")
	at, err := time.Parse(time.RFC3339Nano, stamp)
	if err != nil {
		return podLine{before.Add(1), container, text}
	}
	return podLine{at, container, rest}
}

// followPods prints what there is of the logs of a node's pod, or of those of all nodes, and goes on as there is more until
// it is stopped.
func followPods(ctx context.Context, l *lab.Lab, node string, to *logPrinter) (stop func(), err error) {
	nodes := podNodes(l.Plan, node)
	if len(nodes) == 0 {
		return func() {}, nil
	}
	pods, err := podsOf(ctx, l)
	if err != nil {
		return func() {}, err
	}
	return pods.followAll(ctx, nodes, to, tick), nil
}

// followAll follows the pods of some nodes.
func (p *podLogs) followAll(ctx context.Context, nodes []string, to *logPrinter, every time.Duration) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	for _, node := range nodes {
		running.Go(func() { p.follow(ctx, node, to, every) })
	}
	return func() {
		cancel()
		running.Wait()
	}
}

// follow follows the containers of a node's pod, and those of the pod that comes after it: a log that ends is asked for
// again. While there is none, that is no error: a pod may be about to come.
func (p *podLogs) follow(ctx context.Context, node string, to *logPrinter, every time.Duration) {
	last := map[string]time.Time{}
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for ctx.Err() == nil {
		if pod, err := p.pod(ctx, node); err == nil {
			p.followPod(ctx, node, pod, last, to)
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
		}
	}
}

// followPod prints the lines of a pod that are later than the last of each container, until all its logs have ended.
func (p *podLogs) followPod(ctx context.Context, node string, pod *corev1.Pod, last map[string]time.Time, to *logPrinter) {
	if len(last) == 0 { // in their order, as far as there are any
		lines, _ := p.read(ctx, pod)
		for _, line := range lines {
			to.line(node, line.container, line.text)
			last[line.container] = line.at
		}
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var mu sync.Mutex // guards last
	var running sync.WaitGroup
	for _, c := range pod.Spec.Containers {
		mu.Lock()
		after := last[c.Name]
		mu.Unlock()
		running.Go(func() {
			defer cancel() // a pod whose container has ended may be another one soon
			_ = p.stream(ctx, pod, c.Name, after, true, func(line podLine) {
				to.line(node, line.container, line.text)
				mu.Lock()
				defer mu.Unlock()
				last[line.container] = line.at
			})
		})
	}
	running.Wait()
}
