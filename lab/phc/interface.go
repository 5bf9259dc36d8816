package phc

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"github.com/ptplab/ptplab/lab/netns"
)

// Timestamping is what an interface says of its time stamps (ethtool -T).
type Timestamping struct {
	Index            int  // N of /dev/ptpN, -1 if the interface has no hardware clock
	HardwareTransmit bool // SOF_TIMESTAMPING_TX_HARDWARE
	HardwareReceive  bool // SOF_TIMESTAMPING_RX_HARDWARE
	HardwareRawClock bool // SOF_TIMESTAMPING_RAW_HARDWARE
}

// Hardware tells whether ptp4l can use hardware time stamps there.
func (t Timestamping) Hardware() bool {
	return t.Index >= 0 && t.HardwareTransmit && t.HardwareReceive && t.HardwareRawClock
}

// Interface asks an interface of a network namespace what time stamps it makes (ETHTOOL_GET_TS_INFO). A nil namespace
// is the caller's own.
func Interface(ns *os.File, name string) (Timestamping, error) {
	var info Timestamping
	ask := func() (err error) {
		info, err = timestamping(name)
		return err
	}
	var err error
	if ns == nil {
		err = ask()
	} else {
		err = netns.Do(ns, ask)
	}
	if err != nil {
		return Timestamping{}, fmt.Errorf("time stamping of %s: %w", name, err)
	}
	return info, nil
}

// Index is N of the /dev/ptpN of an interface. The error is ENODEV if it has none.
func Index(ns *os.File, name string) (int, error) {
	info, err := Interface(ns, name)
	if err == nil && info.Index < 0 {
		err = fmt.Errorf("hardware clock of %s: %w", name, unix.ENODEV)
	}
	return info.Index, err
}

func timestamping(name string) (Timestamping, error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return Timestamping{}, fmt.Errorf("socket: %w", err)
	}
	defer unix.Close(fd)
	info, err := unix.IoctlGetEthtoolTsInfo(fd, name)
	if err != nil {
		return Timestamping{}, fmt.Errorf("ETHTOOL_GET_TS_INFO: %w", err)
	}
	return timestampingOf(info), nil
}

func timestampingOf(info *unix.EthtoolTsInfo) Timestamping {
	has := func(bit uint32) bool { return info.So_timestamping&bit != 0 }
	return Timestamping{Index: int(info.Phc_index), HardwareTransmit: has(unix.SOF_TIMESTAMPING_TX_HARDWARE),
		HardwareReceive: has(unix.SOF_TIMESTAMPING_RX_HARDWARE), HardwareRawClock: has(unix.SOF_TIMESTAMPING_RAW_HARDWARE)}
}
