package daemon

import (
	"fmt"
	"os"
)

// NameProcess gives the process the name by which ps(1) and /proc/PID/comm know it; the kernel keeps 15 bytes of it. That
// is the name of the first thread, whichever thread calls.
func NameProcess(name string) error {
	if err := os.WriteFile(fmt.Sprintf("/proc/self/task/%d/comm", os.Getpid()), []byte(name), 0); err != nil {
		return fmt.Errorf("name the process %s: %w", name, err)
	}
	return nil
}
