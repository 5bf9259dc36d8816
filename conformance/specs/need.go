package specs

import "github.com/ptplab/ptplab/conformance/sut"

// Need is something that a spec asks of a system beyond what each must be able to do.
type Need string

// The needs.
const (
	NeedTruth         Need = "truth"
	NeedConfigure     Need = "configure"
	NeedSecrets       Need = "secrets"
	NeedDaemon        Need = "daemon"
	NeedLogs          Need = "logs"
	NeedNotifications Need = "notifications"
	NeedOperator      Need = "operator"
	NeedLoads         Need = "loads"
	NeedPrometheus    Need = "prometheus"
	NeedUnprivileged  Need = "unprivileged"
	NeedDevices       Need = "devices"
	NeedReboot        Need = "reboot"
	NeedCluster       Need = "cluster"
)

// Missing says why a system does not meet a need, as a sentence; "" if it does.
func (n Need) Missing(system sut.System) string {
	meets, why := n.look(system)
	if meets {
		return ""
	}
	return why
}

func (n Need) look(system sut.System) (meets bool, why string) {
	switch n {
	case NeedTruth:
		_, meets = sut.As[sut.Truth](system)
		return meets, "this system does not know the true error of its clocks"
	case NeedConfigure:
		_, meets = sut.As[sut.Configurer](system)
		return meets, "the suite may not change the PtpConfigs of this system"
	case NeedSecrets:
		_, meets = sut.As[sut.SecretKeeper](system)
		return meets, "this system mounts no secrets into its nodes"
	case NeedDaemon:
		_, meets = sut.As[sut.Daemon](system)
		return meets, "the PTP daemons of this system cannot be restarted by the suite"
	case NeedLogs:
		_, meets = sut.As[sut.Logs](system)
		return meets, "this system keeps no logs"
	case NeedNotifications:
		_, meets = sut.As[sut.Notifications](system)
		return meets, "this system has no notification API"
	case NeedOperator:
		_, meets = sut.As[sut.Operator](system)
		return meets, "this system has no operator settings"
	case NeedLoads:
		_, meets = sut.As[sut.Loads](system)
		return meets, "this system does not know the CPU use of its programs"
	case NeedPrometheus:
		_, meets = sut.As[sut.Prometheus](system)
		return meets, "no Prometheus collects the metrics of this system"
	case NeedUnprivileged:
		_, meets = sut.As[sut.Unprivileged](system)
		return meets, "nothing runs without privileges on the nodes of this system"
	case NeedReboot:
		_, meets = sut.As[sut.Rebooter](system)
		return meets, "the nodes of this system cannot be rebooted by the suite"
	case NeedDevices:
		_, meets = sut.As[sut.Devices](system)
		return meets, "the nodes of this system do not tell their PTP devices"
	case NeedCluster:
		_, meets = sut.As[sut.Cluster](system)
		return meets, "this system is no Kubernetes cluster"
	}
	return false, "the suite does not know the need " + string(n)
}
