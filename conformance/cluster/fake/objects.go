package fake

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	jsonpatch "gopkg.in/evanphx/json-patch.v4"
	"k8s.io/apimachinery/pkg/labels"
)

func (a *API) serveObjects(w http.ResponseWriter, r *http.Request, t target) {
	switch {
	case r.Method == http.MethodGet && r.URL.Query().Get("watch") != "":
		a.watch(w, r, t)
	case r.Method == http.MethodGet && t.name == "":
		a.list(w, r, t)
	case r.Method == http.MethodGet:
		if object := a.Get(t.resource, t.namespace, t.name); object != nil {
			answer(w, http.StatusOK, object)
			return
		}
		notFound(w, t)
	default:
		a.modify(w, r, t)
	}
}

func notFound(w http.ResponseWriter, t target) {
	fail(w, http.StatusNotFound, "NotFound", fmt.Sprintf("%s %q not found", t.resource, t.name))
}

// modify serves what changes objects.
func (a *API) modify(w http.ResponseWriter, r *http.Request, t target) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		fail(w, http.StatusBadRequest, "BadRequest", err.Error())
		return
	}
	if r.Method == http.MethodDelete {
		a.remove(w, t, body)
		return
	}
	if r.Method == http.MethodPatch {
		if body, err = a.patched(t, body); err != nil {
			notFound(w, t)
			return
		}
	}
	var object Object
	if err := json.Unmarshal(body, &object); err != nil {
		fail(w, http.StatusBadRequest, "BadRequest", err.Error())
		return
	}
	if r.Method == http.MethodPost {
		t.name = nameOf(object)
	}
	if a.Admit != nil {
		if err := a.Admit(r.Method, t.resource, object); err != nil {
			fail(w, http.StatusForbidden, "Forbidden", fmt.Sprintf("admission webhook \"v%s.kb.io\" denied the request: %s", t.resource, err))
			return
		}
	}
	a.write(w, r, t, object)
}

func (a *API) write(w http.ResponseWriter, r *http.Request, t target, object Object) {
	current := a.Get(t.resource, t.namespace, t.name)
	version, _ := meta(object)["resourceVersion"].(string)
	switch {
	case r.Method == http.MethodPost && current != nil:
		fail(w, http.StatusConflict, "AlreadyExists", fmt.Sprintf("%s %q already exists", t.resource, t.name))
		return
	case r.Method != http.MethodPost && current == nil:
		notFound(w, t)
		return
	case r.Method == http.MethodPut && version != "" && version != meta(current)["resourceVersion"]:
		fail(w, http.StatusConflict, "Conflict", "the object has been modified; please apply your changes to the latest version and try again")
		return
	}
	if t.group == "" {
		object["apiVersion"] = t.version
	} else {
		object["apiVersion"] = t.group + "/" + t.version
	}
	object["kind"] = kindOf(t.resource)
	meta(object)["name"] = t.name
	answer(w, http.StatusOK, a.Put(t.resource, t.namespace, object))
}

// nameOf is the name of a new object, made up if it only has the beginning of one.
func nameOf(object Object) string {
	name, _ := meta(object)["name"].(string)
	if prefix, _ := meta(object)["generateName"].(string); name == "" {
		name = prefix + strconv.FormatInt(time.Now().UnixNano()%1_000_000, 36)
	}
	return name
}

// patched is an object after a merge patch.
func (a *API) patched(t target, patch []byte) ([]byte, error) {
	current := a.Get(t.resource, t.namespace, t.name)
	if current == nil {
		return nil, fmt.Errorf("not found")
	}
	text, err := json.Marshal(current)
	if err != nil {
		return nil, err
	}
	return jsonpatch.MergePatch(text, patch)
}

func (a *API) remove(w http.ResponseWriter, t target, body []byte) {
	object := a.Get(t.resource, t.namespace, t.name)
	if object == nil {
		notFound(w, t)
		return
	}
	var options struct {
		Preconditions struct{ UID string }
	}
	if len(body) > 0 && json.Unmarshal(body, &options) == nil && options.Preconditions.UID != "" && options.Preconditions.UID != meta(object)["uid"] {
		fail(w, http.StatusConflict, "Conflict", "the UID in the precondition is not that of the object")
		return
	}
	a.Delete(t.resource, t.namespace, t.name)
	answer(w, http.StatusOK, Object{"kind": "Status", "apiVersion": "v1", "metadata": Object{}, "status": "Success"})
}

// Get is a copy of an object; nil if there is none.
func (a *API) Get(resource, namespace, name string) Object {
	a.mu.Lock()
	defer a.mu.Unlock()
	object := a.stored[resource][namespace+"/"+name]
	if object == nil {
		return nil
	}
	return clone(object)
}

// All are copies of the objects of a resource in a namespace, or in all for "", in the order of their names.
func (a *API) All(resource, namespace string) []Object {
	a.mu.Lock()
	defer a.mu.Unlock()
	var all []Object
	for _, key := range slices.Sorted(maps.Keys(a.stored[resource])) {
		if namespace == "" || strings.HasPrefix(key, namespace+"/") {
			all = append(all, clone(a.stored[resource][key]))
		}
	}
	return all
}

// Resources names every resource that has objects.
func (a *API) Resources() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	names := slices.Sorted(maps.Keys(a.stored))
	return slices.DeleteFunc(names, func(name string) bool { return len(a.stored[name]) == 0 })
}

// Put stores an object, new or not, and tells the controller.
func (a *API) Put(resource, namespace string, object Object) Object {
	a.mu.Lock()
	object = clone(object)
	if clusterWide(resource) {
		namespace = ""
	}
	if object["kind"] == nil {
		object["kind"] = kindOf(resource)
	}
	if object["apiVersion"] == nil {
		object["apiVersion"] = versions()[resource]
	}
	m := meta(object)
	if namespace != "" {
		m["namespace"] = namespace
	}
	key := fmt.Sprintf("%s/%s", namespace, m["name"])
	kind, verb := "MODIFIED", "update"
	old := a.stored[resource][key]
	if old == nil {
		kind, verb = "ADDED", "create"
		m["uid"] = fmt.Sprintf("uid-%d", a.latest+1)
		m["creationTimestamp"] = "2026-01-01T00:00:00Z"
	} else {
		m["uid"], m["creationTimestamp"] = meta(old)["uid"], meta(old)["creationTimestamp"]
	}
	a.record(resource, kind, key, object)
	a.mu.Unlock()
	if a.Changed != nil {
		a.Changed(a, verb, resource, clone(object))
	}
	return object
}

// Delete removes an object, and with a namespace all that is in it.
func (a *API) Delete(resource, namespace, name string) {
	a.mu.Lock()
	key := namespace + "/" + name
	object := a.stored[resource][key]
	if object == nil {
		a.mu.Unlock()
		return
	}
	var inside [][2]string
	for other, objects := range a.stored {
		for key := range objects {
			if resource == "namespaces" && strings.HasPrefix(key, name+"/") {
				inside = append(inside, [2]string{other, strings.TrimPrefix(key, name+"/")})
			}
		}
	}
	a.record(resource, "DELETED", key, clone(object))
	a.mu.Unlock()
	for _, one := range inside {
		a.Delete(one[0], name, one[1])
	}
	if a.Changed != nil {
		a.Changed(a, "delete", resource, clone(object))
	}
}

// record makes a change and its event. The lock is held.
func (a *API) record(resource, kind, key string, object Object) {
	a.latest++
	meta(object)["resourceVersion"] = strconv.Itoa(a.latest)
	if a.stored[resource] == nil {
		a.stored[resource] = map[string]Object{}
	}
	if kind == "DELETED" {
		delete(a.stored[resource], key)
	} else {
		a.stored[resource][key] = object
	}
	a.events = append(a.events, event{a.latest, resource, kind, clone(object)})
	a.wake.Broadcast()
}

func (a *API) list(w http.ResponseWriter, r *http.Request, t target) {
	matches, err := selector(r)
	if err != nil {
		fail(w, http.StatusBadRequest, "BadRequest", err.Error())
		return
	}
	items := slices.DeleteFunc(a.All(t.resource, t.namespace), func(o Object) bool { return !matches(o) })
	a.mu.Lock()
	version := strconv.Itoa(a.latest)
	a.mu.Unlock()
	group := t.version
	if t.group != "" {
		group = t.group + "/" + t.version
	}
	if items == nil {
		items = []Object{}
	}
	answer(w, http.StatusOK, Object{"kind": kindOf(t.resource) + "List", "apiVersion": group, "metadata": Object{"resourceVersion": version}, "items": items})
}

// watch streams the events after a version until the client goes.
func (a *API) watch(w http.ResponseWriter, r *http.Request, t target) {
	matches, err := selector(r)
	after, convErr := strconv.Atoi(r.URL.Query().Get("resourceVersion"))
	if err != nil || convErr != nil {
		fail(w, http.StatusBadRequest, "BadRequest", "bad selector or resourceVersion")
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusOK)
	w.(http.Flusher).Flush()
	ended := r.Context()
	go func() { <-ended.Done(); a.wake.Broadcast() }()
	encoder := json.NewEncoder(w)
	for next := 0; ; {
		a.mu.Lock()
		for next == len(a.events) && !a.closed && ended.Err() == nil {
			a.wake.Wait()
		}
		news, over := a.events[next:], a.closed || ended.Err() != nil
		next = len(a.events)
		a.mu.Unlock()
		if over {
			return
		}
		for _, e := range news {
			namespace, _ := meta(e.object)["namespace"].(string)
			if e.version > after && e.resource == t.resource && (t.namespace == "" || namespace == t.namespace) && matches(e.object) {
				encoder.Encode(Object{"type": e.kind, "object": e.object})
			}
		}
		w.(http.Flusher).Flush()
	}
}

// selector makes a filter of the selectors of a request: of fields, only equality of names and nodes.
func selector(r *http.Request) (func(Object) bool, error) {
	byLabel, err := labels.Parse(r.URL.Query().Get("labelSelector"))
	if err != nil {
		return nil, err
	}
	field, want, _ := strings.Cut(r.URL.Query().Get("fieldSelector"), "=")
	return func(o Object) bool {
		set := labels.Set{}
		found, _ := meta(o)["labels"].(Object)
		for key, value := range found {
			set[key], _ = value.(string)
		}
		spec, _ := o["spec"].(Object)
		switch field {
		case "metadata.name":
			return byLabel.Matches(set) && meta(o)["name"] == want
		case "spec.nodeName":
			return byLabel.Matches(set) && spec["nodeName"] == want
		}
		return byLabel.Matches(set)
	}, nil
}

// meta is the metadata of an object, which is made if it has none.
func meta(o Object) Object {
	m, _ := o["metadata"].(Object)
	if m == nil {
		m = Object{}
		o["metadata"] = m
	}
	return m
}

// clone is a deep copy with the types of JSON.
func clone(o Object) Object {
	text, err := json.Marshal(o)
	if err != nil {
		panic(err) // a test made an object that is no JSON
	}
	var copied Object
	if err := json.Unmarshal(text, &copied); err != nil {
		panic(err)
	}
	return copied
}

func versions() map[string]string {
	return map[string]string{
		"pods": "v1", "nodes": "v1", "namespaces": "v1", "secrets": "v1", "deployments": "apps/v1", "daemonsets": "apps/v1",
		"leases": "coordination.k8s.io/v1", "customresourcedefinitions": "apiextensions.k8s.io/v1", "ptpconfigs": "ptp.openshift.io/v1",
		"ptpoperatorconfigs": "ptp.openshift.io/v1", "nodeptpdevices": "ptp.openshift.io/v1", "infrastructures": "config.openshift.io/v1",
		"servicemonitors": "monitoring.coreos.com/v1",
	}
}
