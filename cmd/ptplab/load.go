package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/ptplab/ptplab/cmd/ptplab/talk"
	"github.com/ptplab/ptplab/lab"
	"github.com/ptplab/ptplab/lab/kind"
	"github.com/ptplab/ptplab/lab/topology"
)

// loadLimit is how long load may take unless told otherwise.
const loadLimit = 15 * time.Minute

// loadFlags are the options of load.
type loadFlags struct {
	lab       string
	nodes     []string
	rollouts  []string
	namespace string
	leave     bool // restart nothing
	timeout   time.Duration
}

func loadCommand(a *app) *cobra.Command {
	var f loadFlags
	cmd := &cobra.Command{
		Use:   "load ARCHIVE...",
		Short: "Put container images into the nodes of the cluster",
		Long: `Put the images of archives into the container runtime of every node of a lab that
was made with --nodes kind, and restart what runs them. An archive is what docker
save, podman save, ko, skopeo or ptplab image suite writes (a docker-archive, or an
OCI layout in a tar file, also with gzip), or - for stdin. Images must have a name
and be for this machine's architecture.

Deployments and daemon sets of any namespace that use one of the images are
restarted, and load returns when their new pods are available. Those of --rollout
are restarted in their stead. A pod whose imagePullPolicy is Always takes the image
of its registry and never the one that was loaded.` + exitNote,
		Example: `  podman save localhost/linuxptp-daemon:dev | ptplab load -
  ko build --push=false --tarball daemon.tar ./cmd && ptplab load daemon.tar
  ptplab load image.tar --rollout daemonset/linuxptp-daemon
  ptplab load image.tar --node w1 --no-rollout`,
		Args: between(1, -1),
		RunE: func(cmd *cobra.Command, args []string) error { return a.load(cmd, f, args) },
	}
	labFlag(cmd, &f.lab)
	cmd.Flags().StringArrayVar(&f.nodes, "node", nil, "only on this `node`; may be repeated")
	cmd.Flags().StringArrayVar(&f.rollouts, "rollout", nil, "restart `deployment/NAME` or daemonset/NAME; may be repeated")
	cmd.Flags().StringVarP(&f.namespace, "namespace", "n", ptpNamespace, "`namespace` of what --rollout names")
	cmd.Flags().BoolVar(&f.leave, "no-rollout", false, "restart nothing")
	timeoutFlag(cmd, &f.timeout, loadLimit)
	if err := cmd.RegisterFlagCompletionFunc("node", completeClusterNodes); err != nil {
		panic(err) // the flag above is there
	}
	return cmd
}

// completeClusterNodes completes to the nodes of the lab's cluster.
func completeClusterNodes(cmd *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
	plan := labPlan(cmd)
	if plan == nil || plan.Nodes != topology.NodesKind {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return append([]string{kind.ControlPlane}, plan.Workers...), cobra.ShellCompDirectiveNoFileComp
}

// ptpNamespace is where the PTP stack is.
const ptpNamespace = "openshift-ptp"

// loader is what load needs of a lab.
type loader interface {
	LoadImages(ctx context.Context, archive *lab.ImageArchive, nodes []string, tell func(lab.LoadEvent)) (*lab.LoadResult, error)
}

func (a *app) load(cmd *cobra.Command, f loadFlags, args []string) (err error) {
	named, err := f.workloads()
	if err != nil {
		return err
	}
	if slices.Index(args, "-") != len(args)-1 && slices.Contains(args[:len(args)-1], "-") {
		return usageErrorf("stdin can be read only once, as the last archive")
	}
	ctx, cancel := withTimeout(cmd.Context(), f.timeout)
	defer cancel()
	archives, err := openArchives(ctx, args, a.stdin)
	defer func() {
		for _, archive := range archives {
			err = errors.Join(err, archive.Close())
		}
	}()
	if err != nil {
		return err
	}
	return a.inLab(f.lab, cmd, func(_ context.Context, l *lab.Lab) error {
		path, err := l.Kubeconfig(ctx)
		if err != nil {
			return ended(ctx, err)
		}
		kube, err := kubeClient(path)
		if err != nil {
			return err
		}
		err = a.loadAll(ctx, l, lab.Rollout{Kube: kube}, f, archives, named)
		return ended(ctx, err)
	})
}

// workloads are what --rollout names.
func (f loadFlags) workloads() ([]lab.Workload, error) {
	if f.leave && len(f.rollouts) > 0 {
		return nil, usageErrorf("--rollout and --no-rollout: one of them says what to restart")
	}
	var all []lab.Workload
	for _, text := range f.rollouts {
		w, err := lab.ParseWorkload(text, f.namespace)
		if err != nil {
			return nil, usageErrorf("--rollout: %w", err)
		}
		all = append(all, w)
	}
	return all, nil
}

// kubeClient is a client for a cluster.
func kubeClient(kubeconfig string) (kubernetes.Interface, error) {
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return nil, fmt.Errorf("kubeconfig of the lab: %w", err)
	}
	config.QPS = -1
	return kubernetes.NewForConfig(config)
}

// openArchives opens all archives, so that nothing is sent if one of them cannot be loaded.
func openArchives(ctx context.Context, names []string, stdin io.Reader) ([]*lab.ImageArchive, error) {
	var all []*lab.ImageArchive
	var faults []error
	for _, name := range names {
		archive, err := lab.OpenImageArchive(ctx, name, stdin, runtime.GOARCH)
		if err != nil {
			faults = append(faults, &codeError{exitUsage, err})
			continue
		}
		all = append(all, archive)
	}
	return all, errors.Join(faults...)
}

// loadAll loads the archives, then restarts what is to be restarted, all of it at once, and waits for each.
func (a *app) loadAll(ctx context.Context, to loader, rollout lab.Rollout, f loadFlags, archives []*lab.ImageArchive, workloads []lab.Workload) error {
	for _, w := range workloads { // before anything is sent
		if err := rollout.Exists(ctx, w); err != nil {
			return err
		}
	}
	var images []string
	for _, archive := range archives {
		names, err := a.loadOne(ctx, to, f, archive)
		if err != nil {
			return err
		}
		images = append(images, names...)
	}
	if f.leave {
		return nil
	}
	if len(workloads) == 0 {
		var err error
		if workloads, err = rollout.Users(ctx, images); err != nil {
			return err
		}
		if len(workloads) == 0 {
			a.talk.Printf("no deployment and no daemon set uses %s; name one with --rollout", strings.Join(images, ", "))
		}
	}
	return a.rollOut(ctx, rollout, workloads, images)
}

// loadOne loads an archive and tells what of it is where.
func (a *app) loadOne(ctx context.Context, to loader, f loadFlags, archive *lab.ImageArchive) ([]string, error) {
	var names []string
	for _, image := range archive.Images {
		names = append(names, image.Names...)
	}
	begun := time.Now()
	a.talk.Begin("send "+shortImages(names), talk.Passing)
	result, err := to.LoadImages(ctx, archive, f.nodes, func(e lab.LoadEvent) {
		if e.Node == "" {
			a.talk.Update("MiB", int(e.Received>>20), int(max(archive.Size(), e.Received)>>20))
			return
		}
		a.talk.Begin("import on the nodes", talk.Passing)
		a.talk.Update(e.Node, e.Done, e.Want)
	})
	if err != nil {
		return nil, err
	}
	a.talk.Update("", len(result.Nodes), len(result.Nodes))
	a.talk.End("")
	var nodes []string
	for _, n := range result.Nodes {
		nodes = append(nodes, n.Node)
	}
	took := time.Since(begun).Round(100 * time.Millisecond)
	for _, image := range archive.Images {
		for _, name := range image.Names {
			if _, err := fmt.Fprintf(a.stdout, "%s is on %s, after %s\n", name, strings.Join(nodes, ", "), took); err != nil {
				return nil, err
			}
		}
	}
	return names, nil
}

// shortImages is the first of some names, and how many more there are.
func shortImages(names []string) string {
	if len(names) > 1 {
		return fmt.Sprintf("%s and %d more", names[0], len(names)-1)
	}
	return strings.Join(names, "")
}

// rollOut restarts workloads and waits for them.
func (a *app) rollOut(ctx context.Context, rollout lab.Rollout, workloads []lab.Workload, images []string) error {
	var faults []error
	begun := time.Now()
	var restarted []lab.Workload
	for _, w := range workloads {
		warning, err := rollout.Restart(ctx, w, images)
		if err != nil {
			faults = append(faults, err)
			continue
		}
		if warning != "" {
			a.talk.Printf("%s", warning)
		}
		restarted = append(restarted, w)
	}
	for _, w := range restarted {
		a.talk.Begin("roll out "+w.String(), talk.Passing)
		err := rollout.Await(ctx, w, func(seen string) { a.talk.Update(seen, 0, 0) })
		if err != nil {
			faults = append(faults, err)
			continue
		}
		a.talk.End("")
		if _, err := fmt.Fprintf(a.stdout, "%s runs anew, after %s\n", w, time.Since(begun).Round(100*time.Millisecond)); err != nil {
			return err
		}
	}
	return errors.Join(faults...)
}
