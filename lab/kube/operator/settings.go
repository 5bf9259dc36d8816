package operator

import (
	"cmp"
	"encoding/json"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"

	"github.com/ptplab/ptplab/lab/node"
)

// defaultEventAPI is the version of the notification API where the settings name none.
const defaultEventAPI = "2.0"

// settings are what PtpOperatorConfig "default" says.
type settings struct {
	uid      types.UID
	Selector map[string]string `json:"daemonNodeSelector"`
	Events   struct {
		Enable     bool   `json:"enableEventPublisher"`
		APIVersion string `json:"apiVersion"`
	} `json:"ptpEventConfig"`
}

func readSettings(object *unstructured.Unstructured) (settings, error) {
	var s settings
	if err := into(object.Object["spec"], &s); err != nil {
		return s, fmt.Errorf("read PtpOperatorConfig %s: %w", object.GetName(), err)
	}
	s.uid = object.GetUID()
	s.Events.APIVersion = cmp.Or(s.Events.APIVersion, defaultEventAPI)
	return s, nil
}

// matches says whether a node with these labels is to run the daemon.
func (s settings) matches(own map[string]string) bool {
	return labels.SelectorFromSet(s.Selector).Matches(labels.Set(own))
}

// owner is a reference to the settings: what they own goes with them.
func (s settings) owner() metav1.OwnerReference {
	return metav1.OwnerReference{APIVersion: node.APIVersion, Kind: "PtpOperatorConfig", Name: ConfigName, UID: s.uid, Controller: new(true)}
}

// into converts JSON data to a Go value.
func into(from, to any) error {
	text, err := json.Marshal(from)
	if err != nil {
		return err
	}
	return json.Unmarshal(text, to)
}

// readConfig is a PtpConfig as the node's code knows it.
func readConfig(object *unstructured.Unstructured) (node.PtpConfig, error) {
	var c node.PtpConfig
	if err := into(object.Object, &c); err != nil {
		return c, fmt.Errorf("read PtpConfig %s: %w", object.GetName(), err)
	}
	return c, nil
}
