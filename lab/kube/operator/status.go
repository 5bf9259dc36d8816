package operator

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/ptplab/ptplab/lab/node"
)

// status is what the operator says of a PtpConfig.
type status struct {
	MatchList  []match            `json:"matchList,omitempty"`
	Conditions []metav1.Condition `json:"conditions,omitempty"`
}

// match is a node that runs a profile.
type match struct {
	NodeName string `json:"nodeName"`
	Profile  string `json:"profile"`
}

// The condition that says whether all profiles that a PtpConfig names exist.
const (
	referenceCondition = "ProfileReferenceValid"
	reasonValid        = "AllReferencesFound"
	reasonInvalid      = "ReferenceNotFound"
)

// keepStatus tells each PtpConfig which nodes run which of its profiles.
func (o *Operator) keepStatus(ctx context.Context) error {
	s, found, err := o.settings()
	if err != nil || !found {
		return err
	}
	all, err := o.configs()
	if err != nil {
		return err
	}
	nodes, err := o.matchingNodes(s)
	if err != nil {
		return err
	}
	matches, missing := judge(all, nodes)
	var faults []error
	for _, c := range all {
		faults = append(faults, o.setStatus(ctx, c.Metadata.Name, matches[c.Metadata.Name], missing[c.Metadata.Name]))
	}
	return errors.Join(faults...)
}

// judge finds, by object, the nodes that run its profiles and what is wrong with the profiles that these name.
func judge(all []node.PtpConfig, nodes []*corev1.Node) (matches map[string][]match, missing map[string][]string) {
	matches, missing = map[string][]match{}, map[string][]string{}
	for _, c := range all {
		missing[c.Metadata.Name] = missingProfiles(c, all)
	}
	for _, n := range nodes {
		// The error is of references, which are looked at below.
		chosen, _ := node.Choose(all, n.Name, n.Labels)
		for _, c := range chosen {
			object, profile, _ := strings.Cut(c.Name, "_") // the name of an object has no underscore
			matches[object] = append(matches[object], match{n.Name, profile})
			for _, name := range references(c.Profile) {
				if slices.ContainsFunc(all, func(o node.PtpConfig) bool { return hasProfile(o, name) }) && !applies(chosen, name) {
					missing[object] = append(missing[object], fmt.Sprintf("profile %s names %s, which node %s does not run", profile, name, n.Name))
				}
			}
		}
	}
	return matches, missing
}

// missingProfiles says which profiles an object names that no object has.
func missingProfiles(c node.PtpConfig, all []node.PtpConfig) []string {
	var texts []string
	for _, r := range c.Spec.Recommend {
		if !slices.ContainsFunc(c.Spec.Profile, func(p node.Profile) bool { return p.Name == r.Profile }) {
			texts = append(texts, fmt.Sprintf("a recommendation names %s, which is no profile of this object", r.Profile))
		}
	}
	for _, p := range c.Spec.Profile {
		for _, name := range references(p) {
			if !slices.ContainsFunc(all, func(o node.PtpConfig) bool { return hasProfile(o, name) }) {
				texts = append(texts, fmt.Sprintf("profile %s names %s, which does not exist", p.Name, name))
			}
		}
	}
	return texts
}

// references are the profiles that a profile names in its settings.
func references(p node.Profile) []string {
	var names []string
	for name := range strings.SplitSeq(p.PtpSettings["haProfiles"]+","+p.PtpSettings["controllingProfile"], ",") {
		if name = strings.TrimSpace(name); name != "" && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// hasProfile says whether an object has a profile of a name, which may be qualified: "<PtpConfig>_<profile>".
func hasProfile(c node.PtpConfig, name string) bool {
	return slices.ContainsFunc(c.Spec.Profile, func(p node.Profile) bool { return p.Name == name || c.Metadata.Name+"_"+p.Name == name })
}

func applies(chosen []node.Chosen, name string) bool {
	return slices.ContainsFunc(chosen, func(c node.Chosen) bool { return c.Name == name || c.Profile.Name == name })
}

// setStatus writes what has changed.
func (o *Operator) setStatus(ctx context.Context, name string, matches []match, missing []string) error {
	cached, err := o.configObjects.Get(name)
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return err
	}
	object := cached.(*unstructured.Unstructured).DeepCopy()
	var before status
	if err := into(object.Object["status"], &before); err != nil {
		before = status{} // of another operator; it is written anew
	}
	after := newStatus(before, object.GetGeneration(), matches, missing)
	if reflect.DeepEqual(before, after) {
		return nil
	}
	content := map[string]any{}
	if err := into(after, &content); err != nil {
		return err
	}
	object.Object["status"] = content
	_, err = o.dynamic.Resource(configs()).Namespace(o.options.Namespace).UpdateStatus(ctx, object, metav1.UpdateOptions{FieldManager: fieldManager})
	if err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("status of PtpConfig %s: %w", name, err)
	}
	return nil
}

func newStatus(before status, generation int64, matches []match, missing []string) status {
	after := status{MatchList: matches, Conditions: slices.Clone(before.Conditions)}
	condition := metav1.Condition{
		Type: referenceCondition, Status: metav1.ConditionTrue, Reason: reasonValid, Message: "every profile that is named exists", ObservedGeneration: generation,
	}
	if len(missing) > 0 {
		condition.Status, condition.Reason, condition.Message = metav1.ConditionFalse, reasonInvalid, strings.Join(missing, "; ")
	}
	meta.SetStatusCondition(&after.Conditions, condition)
	return after
}
