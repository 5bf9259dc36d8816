package daemon

import (
	"fmt"
	"os"
)

// maxComm is the length of a process's name in the kernel, TASK_COMM_LEN without its final 0.
const maxComm = 15

// NameProcess gives the process the name by which ps(1) and /proc/PID/comm know it, as much of it as the kernel keeps.
// That is the name of the first thread, whichever thread calls.
func NameProcess(name string) error {
	name = name[:min(len(name), maxComm)]
	if err := os.WriteFile(fmt.Sprintf("/proc/self/task/%d/comm", os.Getpid()), []byte(name), 0); err != nil {
		return fmt.Errorf("name the process %s: %w", name, err)
	}
	return nil
}
