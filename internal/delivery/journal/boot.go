package journal

import (
	"crypto/rand"
	"os"
	"strings"
)

// bootIDFile holds a UUID that Linux makes at each boot (random(4)).
const bootIDFile = "/proc/sys/kernel/random/boot_id"

// BootID names the present run of this machine. What a process wrote is safe
// from any crash of its own while the id stays the same. Where the system has
// none, the id is new in every process, so that every restart counts as one of
// the machine: in doubt, but never wrong.
func BootID() string { return bootID(bootIDFile) }

func bootID(file string) string {
	if data, err := os.ReadFile(file); err == nil {
		if id := strings.TrimSpace(string(data)); id != "" && len(id) <= 100 {
			return id
		}
	}
	return processID
}

var processID = "process-" + rand.Text()
