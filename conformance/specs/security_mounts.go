package specs

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ptplab/ptplab/conformance/ptpconfig"
	"github.com/ptplab/ptplab/conformance/sut"
)

// securityMountsSpecs check that the keys of the clocks come to the nodes, and go.
func securityMountsSpecs() []Spec {
	return []Spec{{
		Area:  AreaSecurity,
		Name:  "a secret with keys is mounted while it exists, goes when it is deleted and comes back with it",
		Needs: []Need{NeedCluster, NeedConfigure, NeedSecrets},
		Slow:  true, // the daemon is restarted on every node for each change
		Check: onCluster(checkSecretMount),
	}}
}

const (
	mountName   = "test-volume-mount-cleanup" // of the PtpConfig
	mountLabel  = "ptplab/no-node"            // no node has it: what is mounted follows from objects, not from what applies
	mountSuffix = "-tlv-auth"
	mountWithin = 5 * time.Minute // the operator looks again every two minutes
)

// mountKeys is where the keys of this check are.
func mountKeys() *ptpconfig.Authentication {
	return &ptpconfig.Authentication{Secret: "ptp-test-volume-secret", File: "test-key.conf", SPP: 1, ActiveKey: 1}
}

// mountConfig is an object that names the keys and runs nowhere.
func mountConfig(keys *ptpconfig.Authentication) ptpconfig.PtpConfig {
	options := "-2"
	conf := string(ptpconfig.BaseConf().Set(ptpconfig.Global, "sa_file", keys.Path()).Set(ptpconfig.Global, "spp", "-1"))
	return ptpconfig.PtpConfig{
		APIVersion: ptpconfig.APIVersion, Kind: ptpconfig.Kind,
		Metadata: ptpconfig.Metadata{Name: mountName, Namespace: ptpconfig.Namespace},
		Spec: ptpconfig.Spec{
			Profile:   []ptpconfig.Profile{{Name: mountName, Ptp4lOpts: &options, Ptp4lConf: &conf}},
			Recommend: []ptpconfig.Recommend{{Profile: mountName, Priority: 4, Match: []ptpconfig.Match{{NodeLabel: mountLabel}}}},
		},
	}
}

// checkSecretMount makes a secret come, go and come again.
func checkSecretMount(ctx context.Context, t *Test, cluster sut.Cluster) error {
	if err := mountsKeys(ctx, cluster); err != nil {
		return err
	}
	configurer, _ := sut.As[sut.Configurer](t.System)
	keeper, _ := sut.As[sut.SecretKeeper](t.System)
	keys := mountKeys()
	secret, err := keys.NewSecret(nil)
	if err != nil {
		return err
	}
	// The object goes before the secret that it names.
	t.Cleanup("delete secret "+secret.Name, func(ctx context.Context) error { return keeper.DeleteSecret(ctx, secret.Name) })
	t.Cleanup("delete PtpConfig "+mountName, func(ctx context.Context) error { return configurer.DeleteConfig(ctx, mountName) })

	if err := keeper.PutSecret(ctx, secret); err != nil {
		return err
	}
	if err := configurer.PutConfig(ctx, mountConfig(keys)); err != nil {
		return err
	}
	if err := t.untilMounted(ctx, cluster, keys, "once a PtpConfig names it"); err != nil {
		return err
	}
	if err := keeper.DeleteSecret(ctx, secret.Name); err != nil {
		return err
	}
	if err := t.untilUnmounted(ctx, cluster, keys); err != nil {
		return err
	}
	if err := keeper.PutSecret(ctx, secret); err != nil {
		return err
	}
	if err := t.untilMounted(ctx, cluster, keys, "once it is there again"); err != nil {
		return err
	}
	return t.endSecretMount(ctx, cluster, configurer, keeper, keys)
}

// endSecretMount takes all away and waits until the clocks are as before.
func (t *Test) endSecretMount(ctx context.Context, cluster sut.Cluster, configurer sut.Configurer, keeper sut.SecretKeeper, keys *ptpconfig.Authentication) error {
	if err := configurer.DeleteConfig(ctx, mountName); err != nil {
		return err
	}
	if err := keeper.DeleteSecret(ctx, keys.Secret); err != nil {
		return err
	}
	if err := t.untilUnmounted(ctx, cluster, keys); err != nil {
		return err
	}
	if _, err := t.untilDaemonReady(ctx, cluster); err != nil {
		return err
	}
	var faults []error
	for _, i := range receivers(t.Inventory) {
		if t.Failed(AreaSync, i.Name) {
			continue // it was not locked before
		}
		_, err := t.untilLocked(ctx, i)
		faults = append(faults, err)
	}
	return errors.Join(faults...)
}

func (t *Test) untilMounted(ctx context.Context, cluster sut.Cluster, keys *ptpconfig.Authentication, when string) error {
	path := strings.TrimSuffix(keys.Path(), "/"+keys.File)
	subject := fmt.Sprintf("the daemon set to mount secret %s as volume %s%s, read-only at %s, %s", keys.Secret, keys.Secret, mountSuffix, path, when)
	took, err := t.until(ctx, subject, mountWithin, func(ctx context.Context) (bool, string, error) {
		state, err := cluster.DaemonState(ctx)
		if err != nil {
			return false, "", err
		}
		want := sut.SecretMount{Volume: keys.Secret + mountSuffix, Secret: keys.Secret, Path: path, ReadOnly: true}
		return slices.Contains(state.Secrets, want), mountNames(state.Secrets), nil
	})
	t.measureSeconds("time until the secret is mounted "+when, took)
	return err
}

func (t *Test) untilUnmounted(ctx context.Context, cluster sut.Cluster, keys *ptpconfig.Authentication) error {
	subject := fmt.Sprintf("the daemon set to drop the volume of secret %s", keys.Secret)
	took, err := t.until(ctx, subject, mountWithin, func(ctx context.Context) (bool, string, error) {
		state, err := cluster.DaemonState(ctx)
		if err != nil || !state.Exists {
			return false, "no daemon set", err
		}
		left := slices.ContainsFunc(state.Secrets, func(m sut.SecretMount) bool {
			return m.Secret == keys.Secret || m.Volume == keys.Secret+mountSuffix
		})
		return !left, mountNames(state.Secrets), nil
	})
	t.measureSeconds("time until the secret is dropped", took)
	return err
}

// mountsKeys skips with an operator that is older than 4.22, which mounts no keys, and where daemons are not ready anyway.
func mountsKeys(ctx context.Context, cluster sut.Cluster) error {
	daemon, err := cluster.DaemonState(ctx)
	if err != nil {
		return err
	}
	if !daemonReady(daemon) {
		return Skipped("the daemon set of linuxptp-daemon is not ready, see " + AreaValidation)
	}
	state, err := cluster.OperatorState(ctx)
	if err != nil {
		return err
	}
	if olderThan(state.Version, 4, 22) {
		return Skipped(fmt.Sprintf("PTP operator %s mounts no keys; 4.22 does", state.Version))
	}
	return nil
}

// olderThan says whether a version, "v4.21.3" or "4.21", is known to be older. One that cannot be read is not.
func olderThan(version string, major, minor int) bool {
	first, rest, ok := strings.Cut(strings.TrimPrefix(version, "v"), ".")
	second, _, _ := strings.Cut(rest, ".")
	a, errA := strconv.Atoi(first)
	b, errB := strconv.Atoi(second)
	return ok && errA == nil && errB == nil && (a < major || a == major && b < minor)
}

func mountNames(mounts []sut.SecretMount) string {
	var names []string
	for _, m := range mounts {
		name := fmt.Sprintf("volume %s of secret %s at %s", m.Volume, m.Secret, m.Path)
		if m.Path == "" {
			name = fmt.Sprintf("volume %s of secret %s, not mounted", m.Volume, m.Secret)
		}
		if m.ReadOnly {
			name += ", read-only"
		}
		names = append(names, name)
	}
	return "secrets: " + listed(names)
}
