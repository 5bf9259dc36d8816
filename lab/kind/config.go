package kind

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"sigs.k8s.io/kind/pkg/apis/config/v1alpha4"

	"github.com/ptplab/ptplab/lab/image/node"
)

// Options say what cluster to make.
type Options struct {
	Name    string   `json:"name"`    // of the lab
	Workers []string `json:"workers"` // their names as nodes
	Image   string   `json:"image"`   // of the nodes, which Docker has
	Dir     string   `json:"dir"`     // for files of ours, on the disk

	RootFS string `json:"rootFS"` // what the root directory of ptplab's own pods is
	Self   string `json:"self"`   // a directory with ptplab in usr/local/bin
}

// ControlPlane is the name of the control plane's node.
const ControlPlane = "control-plane"

// APIServerPort is where the API server is in the lab's own network namespace.
const APIServerPort = 6443

// nodePatch gives a node its name, in quotes: one such as 1 or null is a name, too.
const nodePatch = `kind: %s
nodeRegistration:
  name: %q
`

// clusterPatch spares what a cluster of an hour has no use for: etcd that waits for each write to reach the disk, and
// leader elections of those who are alone.
const clusterPatch = `kind: ClusterConfiguration
etcd:
  local:
    extraArgs:
      unsafe-no-fsync: "true"
controllerManager:
  extraArgs:
    leader-elect: "false"
scheduler:
  extraArgs:
    leader-elect: "false"
`

// kubeletPatch takes a node as it is: several share one disk and one memory, by which nothing is to be evicted.
const kubeletPatch = `kind: KubeletConfiguration
failSwapOn: false
imageGCHighThresholdPercent: 100
evictionHard:
  memory.available: "0%"
  nodefs.available: "0%"
  nodefs.inodesFree: "0%"
  imagefs.available: "0%"
syncFrequency: 10s
`

// config is the cluster as kind wants to have it described.
func (o Options) config() *v1alpha4.Cluster {
	c := &v1alpha4.Cluster{
		TypeMeta: v1alpha4.TypeMeta{APIVersion: "kind.x-k8s.io/v1alpha4", Kind: "Cluster"},
		Name:     o.Name,
		Networking: v1alpha4.Networking{
			IPFamily: v1alpha4.IPv4Family, APIServerAddress: "0.0.0.0", APIServerPort: APIServerPort,
		},
		KubeadmConfigPatches: []string{clusterPatch, kubeletPatch},
	}
	add := func(role v1alpha4.NodeRole, object, name string) {
		c.Nodes = append(c.Nodes, v1alpha4.Node{
			Role: role, Image: o.Image, ExtraMounts: o.mounts(), KubeadmConfigPatches: []string{fmt.Sprintf(nodePatch, object, name)},
		})
	}
	add(v1alpha4.ControlPlaneRole, "InitConfiguration", ControlPlane)
	for _, w := range o.Workers {
		add(v1alpha4.WorkerRole, "JoinConfiguration", w)
	}
	return c
}

// mounts are what a node sees of the lab: what the pods of ptplab's image are made of, and a description of the
// processor that the kubelet understands.
func (o Options) mounts() []v1alpha4.Mount {
	return []v1alpha4.Mount{
		{HostPath: o.RootFS, ContainerPath: node.LayerPath(node.LayerLabRoot), Readonly: true},
		{HostPath: o.Self, ContainerPath: node.LayerPath(node.LayerPtplab), Readonly: true},
		{HostPath: o.cpuinfo(), ContainerPath: "/proc/cpuinfo", Readonly: true},
	}
}

func (o Options) cpuinfo() string { return filepath.Join(o.Dir, "cpuinfo") }

// writeCPUInfo writes what the kernel says of its processor, with a frequency: User Mode Linux knows none, and the
// kubelet does not start without.
func (o Options) writeCPUInfo() error {
	text, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return err
	}
	if strings.Contains(string(text), "cpu MHz") {
		return os.WriteFile(o.cpuinfo(), text, 0o644)
	}
	var all []string
	for _, line := range strings.Split(string(text), "\n") {
		all = append(all, line)
		if strings.HasPrefix(line, "processor") {
			all = append(all, "cpu MHz\t\t: 1000.000")
		}
	}
	return os.WriteFile(o.cpuinfo(), []byte(strings.Join(all, "\n")), 0o644)
}

// Setup is all that decides how a cluster is made, as text: two clusters of one image with the same setup are alike.
func Setup(o Options) (string, error) {
	text, err := json.Marshal(o.config())
	return string(text), err
}
