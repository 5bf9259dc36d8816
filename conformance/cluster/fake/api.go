// Package fake is an API server in this process, for tests: enough of Kubernetes' REST interface for the suite, with watches, access
// reviews, exec, logs and port forwarding, and the parts of a PTP operator that react to what the suite does.
package fake

import (
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"

	"k8s.io/client-go/rest"
)

// Token is the bearer token that the server accepts.
const Token = "secret-of-the-test"

// Object is an object as JSON has it.
type Object = map[string]any

// API is the server. Its exported fields may be changed before a request, not during one.
type API struct {
	Denied  func(verb, resource, namespace string) bool              // rights that the user lacks; resource is "pods/exec"
	Admit   func(verb, resource string, object Object) error         // a webhook: what it returns turns the object down
	Changed func(a *API, verb, resource string, object Object)       // a controller: is told of every change
	Exec    func(pod, container string, argv []string) Outcome       // runs programs in containers
	Ports   func(pod string, port int) (address string)              // where a port of a pod really is; "" for nowhere
	Log     func(pod, container string) []string                     // lines of a container's log, each after its time
	Served  func(groupVersion string) []string                       // resources of a group; nil: there is no such group
	Before  func(w http.ResponseWriter, r *http.Request) (done bool) // sees every request first
	NoWS    bool                                                     // no WebSockets: clients fall back to SPDY

	server *httptest.Server
	mu     sync.Mutex
	wake   *sync.Cond
	closed bool
	latest int                          // newest resourceVersion
	stored map[string]map[string]Object // by resource, namespace/name
	events []event
}

// Outcome is what a program left behind.
type Outcome struct {
	Stdout, Stderr string
	Exit           int
}

// event is a change, for watches.
type event struct {
	version  int
	resource string
	kind     string // "ADDED", "MODIFIED", "DELETED"
	object   Object
}

// NewAPI starts a server without objects.
func NewAPI() *API {
	a := &API{stored: map[string]map[string]Object{}}
	a.wake = sync.NewCond(&a.mu)
	a.server = httptest.NewUnstartedServer(a)
	a.server.Config.ErrorLog = log.New(io.Discard, "", 0) // clients go when they like
	a.server.StartTLS()
	return a
}

// Close stops the server and ends all watches.
func (a *API) Close() {
	a.mu.Lock()
	a.closed = true
	a.mu.Unlock()
	a.wake.Broadcast()
	a.server.CloseClientConnections()
	a.server.Close()
}

// Config reaches the server.
func (a *API) Config() *rest.Config {
	return &rest.Config{Host: a.server.URL, BearerToken: Token, TLSClientConfig: rest.TLSClientConfig{CAData: a.certificate()}}
}

// ServeHTTP is the API.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if a.Before != nil && a.Before(w, r) {
		return
	}
	if r.Header.Get("Authorization") != "Bearer "+Token {
		fail(w, http.StatusUnauthorized, "Unauthorized", "Unauthorized")
		return
	}
	target, ok := parsePath(r.URL.Path)
	switch {
	case r.URL.Path == "/apis":
		answer(w, http.StatusOK, Object{"kind": "APIGroupList", "apiVersion": "v1", "groups": []any{}})
	case !ok:
		a.serveGroup(w, r)
	case target.resource == "selfsubjectaccessreviews":
		a.review(w, r)
	case a.denies(w, r, target):
	case target.sub == "exec":
		a.exec(w, r, target)
	case target.sub == "portforward":
		a.portForward(w, r, target)
	case target.sub == "log":
		a.log(w, r, target)
	default:
		a.serveObjects(w, r, target)
	}
}

// target is what a path names.
type target struct{ group, version, namespace, resource, name, sub string }

func (t target) key() string { return t.namespace + "/" + t.name }

// parsePath reads "/apis/GROUP/VERSION[/namespaces/NS]/RESOURCE[/NAME[/SUB]]", and "/api/v1/...".
func parsePath(path string) (target, bool) {
	parts := strings.Split(strings.Trim(path, "/"), "/")
	var t target
	switch {
	case len(parts) > 2 && parts[0] == "api":
		t.version, parts = parts[1], parts[2:]
	case len(parts) > 3 && parts[0] == "apis":
		t.group, t.version, parts = parts[1], parts[2], parts[3:]
	default:
		return t, false
	}
	if parts[0] == "namespaces" && len(parts) > 2 {
		t.namespace, parts = parts[1], parts[2:]
	}
	t.resource = parts[0]
	if len(parts) > 1 {
		t.name = parts[1]
	}
	if len(parts) > 2 {
		t.sub = parts[2]
	}
	return t, true
}

// serveGroup lists the resources of a group.
func (a *API) serveGroup(w http.ResponseWriter, r *http.Request) {
	group := strings.TrimPrefix(r.URL.Path, "/apis/")
	var names []string
	if a.Served != nil {
		names = a.Served(group)
	}
	if names == nil {
		fail(w, http.StatusNotFound, "NotFound", "the server could not find the requested resource")
		return
	}
	var resources []any
	for _, name := range names {
		resources = append(resources, Object{"name": name, "namespaced": true, "kind": kindOf(name), "verbs": []any{"get"}})
	}
	answer(w, http.StatusOK, Object{"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": group, "resources": resources})
}

// review answers a SelfSubjectAccessReview.
func (a *API) review(w http.ResponseWriter, r *http.Request) {
	var review struct {
		Spec struct {
			ResourceAttributes struct{ Verb, Resource, Subresource, Namespace string }
		}
	}
	if err := json.NewDecoder(r.Body).Decode(&review); err != nil {
		fail(w, http.StatusBadRequest, "BadRequest", err.Error())
		return
	}
	asked := review.Spec.ResourceAttributes
	resource := asked.Resource
	if asked.Subresource != "" {
		resource += "/" + asked.Subresource
	}
	allowed := a.Denied == nil || !a.Denied(asked.Verb, resource, asked.Namespace)
	answer(w, http.StatusCreated, Object{
		"kind": "SelfSubjectAccessReview", "apiVersion": "authorization.k8s.io/v1", "spec": Object{}, "status": Object{"allowed": allowed},
	})
}

// denies refuses a request that the user has no right to.
func (a *API) denies(w http.ResponseWriter, r *http.Request, t target) bool {
	resource, verb := t.resource, verbOf(r, t)
	if t.sub != "" {
		resource += "/" + t.sub
	}
	if a.Denied == nil || !a.Denied(verb, resource, t.namespace) {
		return false
	}
	fail(w, http.StatusForbidden, "Forbidden", fmt.Sprintf("%s is forbidden: User \"test\" cannot %s resource \"%s\" in API group \"%s\"", resource, verb, resource, t.group))
	return true
}

func verbOf(r *http.Request, t target) string {
	switch {
	case t.sub == "exec" || t.sub == "portforward":
		return "create"
	case r.Method == http.MethodPost:
		return "create"
	case r.Method == http.MethodPut:
		return "update"
	case r.Method != http.MethodGet:
		return strings.ToLower(r.Method)
	case r.URL.Query().Get("watch") != "":
		return "watch"
	case t.name == "":
		return "list"
	}
	return "get"
}

// answer writes an object.
func answer(w http.ResponseWriter, status int, object any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(object)
}

// fail writes a Status.
func fail(w http.ResponseWriter, code int, reason, message string) {
	answer(w, code, Object{"kind": "Status", "apiVersion": "v1", "metadata": Object{}, "status": "Failure", "reason": reason, "message": message, "code": code})
}

// kindOf is the kind of a resource.
func kindOf(resource string) string {
	kinds := map[string]string{
		"ptpconfigs": "PtpConfig", "ptpoperatorconfigs": "PtpOperatorConfig", "nodeptpdevices": "NodePtpDevice", "daemonsets": "DaemonSet",
		"customresourcedefinitions": "CustomResourceDefinition", "infrastructures": "Infrastructure", "servicemonitors": "ServiceMonitor",
	}
	if kind := kinds[resource]; kind != "" {
		return kind
	}
	singular := strings.TrimSuffix(resource, "s")
	return strings.ToUpper(singular[:1]) + singular[1:]
}

func clusterWide(resource string) bool {
	return slices.Contains([]string{"nodes", "namespaces", "customresourcedefinitions", "infrastructures"}, resource)
}
