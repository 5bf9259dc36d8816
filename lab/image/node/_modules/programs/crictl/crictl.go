// Package crictl answers the two questions that kind asks crictl about images: which there are, and what one is.
package crictl

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	cri "k8s.io/cri-api/pkg/apis"
	runtime "k8s.io/cri-api/pkg/apis/runtime/v1"
	remote "k8s.io/cri-client/pkg"
	"k8s.io/klog/v2"
)

const (
	criEndpoint = "unix:///run/containerd/containerd.sock"
	criTimeout  = 30 * time.Second
)

// Main runs the command line and returns the exit status.
func Main() int {
	if err := run(context.Background(), os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "crictl:", err)
		return 1
	}
	return 0
}

func run(ctx context.Context, args []string) error {
	if len(args) == 0 {
		return errors.New("want images or inspecti IMAGE; ctr -n k8s.io does the rest")
	}
	if args[0] != "images" && args[0] != "inspecti" {
		return fmt.Errorf("%s: want images or inspecti IMAGE; ctr -n k8s.io does the rest", strings.Join(args, " "))
	}
	log := klog.Background()
	service, err := remote.NewRemoteImageService(criEndpoint, criTimeout, nil, &log)
	if err != nil {
		return err
	}
	switch {
	case args[0] == "images" && len(args) == 1:
		return listImages(ctx, service)
	case args[0] == "inspecti" && len(args) == 2:
		return inspectImage(ctx, service, args[1])
	}
	return fmt.Errorf("%s: want images or inspecti IMAGE; ctr -n k8s.io does the rest", strings.Join(args, " "))
}

func listImages(ctx context.Context, service cri.ImageManagerService) error {
	list, err := service.ListImages(ctx, nil)
	if err != nil {
		return err
	}
	for _, image := range list {
		for _, tag := range image.GetRepoTags() {
			fmt.Printf("%s\t%s\t%d\n", tag, image.GetId(), image.GetSize())
		}
	}
	return nil
}

// inspectImage prints what the runtime says of an image, in the shape of the real crictl.
func inspectImage(ctx context.Context, service cri.ImageManagerService, name string) error {
	answer, err := service.ImageStatus(ctx, &runtime.ImageSpec{Image: name}, false)
	if err != nil {
		return err
	}
	image := answer.GetImage()
	if image == nil {
		return fmt.Errorf("no such image %q present", name)
	}
	return json.NewEncoder(os.Stdout).Encode(map[string]any{"status": map[string]any{
		"id": image.GetId(), "repoTags": image.GetRepoTags(), "repoDigests": image.GetRepoDigests(), "size": image.GetSize(),
	}})
}
