package cluster

import (
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/clientcmd/api"
)

// load finds the API server and the credentials, without asking the server anything.
func (o Options) load() (*rest.Config, error) {
	rules, files := o.rules()
	raw, err := rules.Load()
	if err != nil {
		return nil, &ConfigError{Text: "kubeconfig " + files, Err: err}
	}
	if len(raw.Clusters) == 0 && len(raw.Contexts) == 0 {
		return o.ownAccount(files)
	}
	if err := o.checkContext(raw, files); err != nil {
		return nil, err
	}
	config, err := clientcmd.NewNonInteractiveClientConfig(*raw, o.Context, &clientcmd.ConfigOverrides{}, rules).ClientConfig()
	if err != nil {
		return nil, &ConfigError{Text: "kubeconfig " + files, Err: err}
	}
	return config, nil
}

// rules say where to look for a kubeconfig. The names are for messages.
func (o Options) rules() (*clientcmd.ClientConfigLoadingRules, string) {
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	switch files := filepath.SplitList(o.Kubeconfig); len(files) {
	case 0:
	case 1:
		rules.ExplicitPath = files[0]
		return rules, files[0]
	default:
		rules.Precedence = files
	}
	return rules, strings.Join(rules.Precedence, ", ")
}

// ownAccount is that of the pod that ptplab runs in.
func (o Options) ownAccount(files string) (*rest.Config, error) {
	if o.Kubeconfig == "" && o.Context == "" {
		config, err := rest.InClusterConfig()
		if err == nil {
			return config, nil
		}
		if !errors.Is(err, rest.ErrNotInCluster) {
			return nil, &ConfigError{Text: "the service account of this pod", Err: err}
		}
	}
	return nil, &ConfigError{Text: fmt.Sprintf("no cluster is configured in %s; say which with --kubeconfig FILE or KUBECONFIG", files)}
}

// checkContext sees that the context to use exists.
func (o Options) checkContext(raw *api.Config, files string) error {
	names := slices.Sorted(maps.Keys(raw.Contexts))
	there := fmt.Sprintf("there are %s", strings.Join(names, ", "))
	if len(names) == 0 {
		there = "there are no contexts"
	}
	switch {
	case o.Context != "" && raw.Contexts[o.Context] == nil:
		return &ConfigError{Text: fmt.Sprintf("kubeconfig %s has no context %q; %s", files, o.Context, there)}
	case o.Context == "" && raw.CurrentContext == "":
		return &ConfigError{Text: fmt.Sprintf("kubeconfig %s has no current context; choose one with --context: %s", files, there)}
	case o.Context == "" && raw.Contexts[raw.CurrentContext] == nil:
		return &ConfigError{Text: fmt.Sprintf("the current context %q of kubeconfig %s does not exist; %s", raw.CurrentContext, files, there)}
	}
	return nil
}
