package fake

import (
	"encoding/json"
	"fmt"
	"net"
	"regexp"
	"strconv"
	"strings"
	"sync"
)

// Namespace is that of the PTP operator.
const Namespace = "openshift-ptp"

// PTP is a cluster with the PTP operator: three workers, the operator and its daemon set, which follow what is done to them at once.
type PTP struct {
	*API

	OperatorStays bool // a deleted operator's pod is not replaced

	mu      sync.Mutex
	pods    int                          // made so far, for names
	serves  map[string]map[int]string    // pod, port: address; "" for all pods
	run     func(Pod, []string) *Outcome // answers what the cluster itself does not know; nil for nothing
	reports func(node string) []string   // log of the discovery's pod
}

// Pod says where a program runs.
type Pod struct{ Name, Node, Container string }

// Nodes are the workers.
func Nodes() []string { return []string{"w1", "w2", "w3"} }

// NewPTP starts it.
func NewPTP() *PTP {
	p := &PTP{API: NewAPI(), serves: map[string]map[int]string{}}
	p.Served, p.Changed, p.API.Exec, p.Ports, p.API.Log = served, p.follow, p.exec, p.port, p.lines
	p.Put("namespaces", "", Object{"metadata": Object{"name": Namespace}, "status": Object{"phase": "Active"}})
	for _, name := range served("ptp.openshift.io/v1") {
		p.Put("customresourcedefinitions", "", Object{
			"metadata": Object{"name": name + ".ptp.openshift.io"}, "spec": Object{"group": "ptp.openshift.io"},
			"status": Object{"conditions": []any{Object{"type": "Established", "status": "True"}}},
		})
	}
	for _, node := range Nodes() {
		p.Put("nodes", "", Object{"metadata": Object{"name": node, "labels": Object{"role": "worker"}}})
		p.Put("nodeptpdevices", Namespace, Object{"metadata": Object{"name": node}, "status": Object{"devices": []any{
			Object{"name": "ens1f0", "hardwareInfo": Object{"pciAddress": "0000:1f:01.0", "vendorID": "0x8086"}},
		}}})
	}
	p.Put("ptpoperatorconfigs", Namespace, Object{"metadata": Object{"name": "default"}, "spec": Object{
		"daemonNodeSelector": Object{"role": "worker"}, "ptpEventConfig": Object{"enableEventPublisher": true, "transportHost": "x"},
	}})
	p.Put("deployments", Namespace, Object{
		"metadata": Object{"name": "ptp-operator"},
		"spec": Object{"template": Object{"spec": Object{"containers": []any{
			Object{"name": "ptp-operator", "env": []any{Object{"name": "RELEASE_VERSION", "value": "v5.0.0"}}},
		}}}},
		"status": Object{"replicas": 1, "conditions": []any{Object{"type": "Available", "status": "True"}}},
	})
	p.startOperator()
	p.Put("daemonsets", Namespace, Object{
		"metadata": Object{"name": "linuxptp-daemon", "generation": 1},
		"spec":     Object{"template": Object{"spec": Object{"containers": []any{Object{"name": "linuxptp-daemon-container", "volumeMounts": []any{}}}, "volumes": []any{}}}},
		"status":   Object{"desiredNumberScheduled": 3, "numberReady": 3, "updatedNumberScheduled": 3, "observedGeneration": 1},
	})
	for _, node := range Nodes() {
		p.startDaemon(node)
	}
	return p
}

func served(group string) []string {
	if group == "ptp.openshift.io/v1" {
		return []string{"nodeptpdevices", "ptpconfigs", "ptpoperatorconfigs"}
	}
	return nil
}

// Serve says where a port of a pod really is, "" for all pods.
func (p *PTP) Serve(pod string, port int, address string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.serves[pod] == nil {
		p.serves[pod] = map[int]string{}
	}
	p.serves[pod][port] = address
}

// Run lets a function answer for programs of which the cluster knows nothing. It returns nil for those that it does not know either.
func (p *PTP) Run(run func(Pod, []string) *Outcome) { p.run = run }

// Reports gives the logs of the discovery's pods.
func (p *PTP) Reports(reports func(node string) []string) { p.reports = reports }

func (p *PTP) port(pod string, port int) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if address := p.serves[pod][port]; address != "" {
		return address
	}
	return p.serves[""][port]
}

// startPod makes a pod that is ready.
func (p *PTP) startPod(name, namespace, node string, labels Object, containers ...string) Object {
	p.mu.Lock()
	p.pods++
	name = name + "-" + strconv.Itoa(p.pods)
	p.mu.Unlock()
	var list []any
	for _, c := range containers {
		list = append(list, Object{"name": c, "image": "registry.example/" + c})
	}
	return p.Put("pods", namespace, Object{
		"metadata": Object{"name": name, "labels": labels}, "spec": Object{"nodeName": node, "containers": list}, "status": running(),
	})
}

func running() Object {
	return Object{"phase": "Running", "podIP": "127.0.0.1", "conditions": []any{Object{"type": "Ready", "status": "True"}}}
}

func (p *PTP) startDaemon(node string) {
	p.startPod("linuxptp-daemon", Namespace, node, Object{"app": "linuxptp-daemon"}, "linuxptp-daemon-container", "cloud-event-proxy", "kube-rbac-proxy")
}

// startOperator makes a pod of the operator, which takes the lease.
func (p *PTP) startOperator() {
	pod := p.startPod("ptp-operator", Namespace, "w1", Object{"name": "ptp-operator"}, "ptp-operator")
	p.mu.Lock()
	second := p.pods % 60
	p.mu.Unlock()
	p.Put("leases", Namespace, Object{"metadata": Object{"name": "ptp.openshift.io"}, "spec": Object{
		"holderIdentity": meta(pod)["name"].(string) + "_1", "leaseDurationSeconds": 137, "renewTime": fmt.Sprintf("2026-01-01T00:00:%02d.000000Z", second),
	}})
}

// follow is the operator, and what Kubernetes itself does.
func (p *PTP) follow(_ *API, verb, resource string, object Object) {
	name, _ := meta(object)["name"].(string)
	namespace, _ := meta(object)["namespace"].(string)
	labels, _ := meta(object)["labels"].(Object)
	spec, _ := object["spec"].(Object)
	switch {
	case resource == "pods" && verb == "delete" && labels["name"] == "ptp-operator" && !p.OperatorStays:
		p.startOperator()
	case resource == "pods" && verb == "delete" && labels["app"] == "linuxptp-daemon":
		p.startDaemon(spec["nodeName"].(string))
	case resource == "pods" && verb == "create" && object["status"] == nil:
		object["status"] = running()
		p.Put("pods", namespace, object)
	case resource == "pods" && verb == "create" && object["status"].(Object)["phase"] == nil:
		object["status"] = running()
		p.Put("pods", namespace, object)
	case resource == "daemonsets" && verb == "create" && name == "l2discovery":
		for _, node := range Nodes() {
			p.startPod("l2discovery", namespace, node, Object{"name": "l2discovery"}, "l2discovery")
		}
	case resource == "ptpconfigs", resource == "secrets":
		p.mountSecrets()
	}
}

var saFile = regexp.MustCompile(`sa_file /etc/ptp-secret-mount/([^/\s]+)/`)

// mountSecrets gives the daemon set the secrets that PtpConfigs name and that exist.
func (p *PTP) mountSecrets() {
	set := p.Get("daemonsets", Namespace, "linuxptp-daemon")
	if set == nil {
		return
	}
	volumes, mounts := []any{}, []any{}
	for _, config := range p.All("ptpconfigs", Namespace) {
		text, _ := json.Marshal(config["spec"])
		for _, found := range saFile.FindAllStringSubmatch(string(text), -1) {
			secret := found[1]
			if p.Get("secrets", Namespace, secret) == nil {
				continue
			}
			volumes = append(volumes, Object{"name": secret + "-tlv-auth", "secret": Object{"secretName": secret}})
			mounts = append(mounts, Object{"name": secret + "-tlv-auth", "mountPath": "/etc/ptp-secret-mount/" + secret, "readOnly": true})
		}
	}
	set["spec"] = Object{"template": Object{"spec": Object{
		"containers": []any{Object{"name": "linuxptp-daemon-container", "volumeMounts": mounts}}, "volumes": volumes,
	}}}
	p.Put("daemonsets", Namespace, set)
}

// exec answers what Inventory asks for, and hands the rest on.
func (p *PTP) exec(pod, container string, argv []string) Outcome {
	object := p.Get("pods", Namespace, pod)
	node := ""
	if spec, ok := object["spec"].(Object); ok {
		node, _ = spec["nodeName"].(string)
	}
	if strings.Contains(strings.Join(argv, " "), "#profile:") {
		return Outcome{Stdout: p.profiles(node)}
	}
	if p.run != nil {
		if outcome := p.run(Pod{pod, node, container}, argv); outcome != nil {
			return *outcome
		}
	}
	return Outcome{Stderr: fmt.Sprintf("no program %q", argv), Exit: 127}
}

// profiles are the files of the PtpConfigs whose label a node has, numbered in their order.
func (p *PTP) profiles(node string) string {
	labels, _ := meta(p.Get("nodes", "", node))["labels"].(Object)
	var text strings.Builder
	n := 0
	for _, config := range p.All("ptpconfigs", Namespace) {
		spec, _ := config["spec"].(Object)
		recommends, _ := spec["recommend"].([]any)
		for _, item := range recommends {
			recommend, _ := item.(Object)
			matches, _ := recommend["match"].([]any)
			for _, m := range matches {
				match, _ := m.(Object)
				label, _ := match["nodeLabel"].(string)
				if _, has := labels[label]; has {
					fmt.Fprintf(&text, "/var/run/ptp4l.%d.config:#profile: %s_%s\n", n, meta(config)["name"], recommend["profile"])
					n++
				}
			}
		}
	}
	return text.String()
}

func (p *PTP) lines(pod, _ string) []string {
	for _, object := range p.All("pods", "l2discovery") {
		if spec, ok := object["spec"].(Object); ok && meta(object)["name"] == pod && p.reports != nil {
			return p.reports(spec["nodeName"].(string))
		}
	}
	return []string{
		"2026-01-01T00:00:01.5Z I0101 daemon: no tag here",
		"2026-01-01T00:00:02.25Z ptp4l[12.345]: [ptp4l.0.config:6] port 1 (ens1f0): UNCALIBRATED to SLAVE on MASTER_CLOCK_SELECTED",
		"2026-01-01T00:00:03.125Z phc2sys[13.345]: [ptp4l.0.config] CLOCK_REALTIME phc offset 1 s2 freq +1 delay 500",
	}
}

// Everything is all objects, by resource, namespace and name, without what changes with every write.
func (a *API) Everything() map[string]Object {
	all := map[string]Object{}
	for _, resource := range a.Resources() {
		for _, object := range a.All(resource, "") {
			m := meta(object)
			for _, key := range []string{"resourceVersion", "uid", "creationTimestamp"} {
				delete(m, key)
			}
			namespace, _ := m["namespace"].(string)
			all[strings.Join([]string{resource, namespace, m["name"].(string)}, "/")] = object
		}
	}
	return all
}

// Refusing is an address at which nobody listens.
func Refusing() (string, error) {
	l, err := net.Listen("tcp", "localhost:0")
	if err != nil {
		return "", err
	}
	address := l.Addr().String()
	return address, l.Close()
}
