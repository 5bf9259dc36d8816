package lab

import (
	"errors"
	"fmt"
	"os"

	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/clientcmd/api"
)

// KubeContext is the name of the lab's context, cluster and user in a kubeconfig.
func (l *Lab) KubeContext() string { return "ptplab-" + l.Name }

// MergeKubeconfig adds the context of the file at path, as Kubeconfig wrote it, to the user's own kubeconfig, whose path it
// returns. The current context stays. Where the user has an entry of this name that is not of this lab, it is an error and
// nothing changes. Down takes the entries away.
func (l *Lab) MergeKubeconfig(path string) (string, error) {
	own, err := clientcmd.LoadFromFile(path)
	if err != nil {
		return "", fmt.Errorf("kubeconfig of lab %s: %w", l.Name, err)
	}
	access := clientcmd.NewDefaultPathOptions()
	into := access.GetDefaultFilename()
	theirs, err := loadOrEmpty(into)
	if err != nil {
		return "", err
	}
	name := l.KubeContext()
	if l.Merged != into && has(theirs, name) {
		return "", fmt.Errorf("%s has an entry %s already, which is not of this lab; take it away with: kubectl config delete-context %s, delete-cluster and delete-user", into, name, name)
	}
	theirs.Clusters[name], theirs.AuthInfos[name], theirs.Contexts[name] = own.Clusters[name], own.AuthInfos[name], own.Contexts[name]
	l.Merged = into
	if err := l.save(); err != nil { // first, so that down knows of it
		return "", err
	}
	if err := clientcmd.WriteToFile(*theirs, into); err != nil {
		return "", fmt.Errorf("write %s: %w", into, err)
	}
	return into, nil
}

// unmergeKubeconfig takes the lab's entries out of the user's kubeconfig, if they were added.
func (l *Lab) unmergeKubeconfig() error {
	if l.Merged == "" {
		return nil
	}
	config, err := clientcmd.LoadFromFile(l.Merged)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("take lab %s out of %s: %w", l.Name, l.Merged, err)
	}
	name := l.KubeContext()
	if !has(config, name) {
		return nil
	}
	delete(config.Clusters, name)
	delete(config.AuthInfos, name)
	delete(config.Contexts, name)
	if config.CurrentContext == name {
		config.CurrentContext = ""
	}
	return clientcmd.WriteToFile(*config, l.Merged)
}

func has(c *api.Config, name string) bool {
	return c.Clusters[name] != nil || c.AuthInfos[name] != nil || c.Contexts[name] != nil
}

// loadOrEmpty reads a kubeconfig; one that is not there is empty.
func loadOrEmpty(path string) (*api.Config, error) {
	config, err := clientcmd.LoadFromFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return api.NewConfig(), nil
	}
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	return config, nil
}
