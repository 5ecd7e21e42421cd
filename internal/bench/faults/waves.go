package faults

import (
	"encoding/csv"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// A trial's contacts come in waves, each a campaign that fires after the one
// before, so that all through the trial something is fired, enrolled, stepped,
// sent and answered.
const mostWaves = 4

const (
	// soon is how long before the first wave fires the apply begins, in real time.
	soon = 3 * time.Second
	// perFaultTime is about how long one fault takes.
	perFaultTime = 1500 * time.Millisecond
)

func (t *trial) waves() int {
	if t.Waves > 0 {
		return t.Waves
	}
	return max(2, min(mostWaves, t.planned))
}

// people writes the contacts as CSV.
func (t *trial) people() (string, error) {
	file := filepath.Join(t.dir, "people.csv")
	out, err := os.Create(file)
	if err != nil {
		return "", err
	}
	rows := [][]string{{"email", "first_name", "wave"}}
	for i := range t.contacts {
		rows = append(rows, []string{addressOf(i), fmt.Sprintf("Person %d", i), waveName(i % t.waves())})
	}
	return file, errors.Join(csv.NewWriter(out).WriteAll(rows), out.Close())
}

func addressOf(i int) string { return fmt.Sprintf("p%06d@example.com", i) }

func waveName(i int) string { return fmt.Sprintf("wave-%d", i) }

// schedule writes a campaign and a segment for each wave into the workspace of
// a machine. They fire one after the other while the faults are injected.
func (t *trial) schedule(m *machine) error {
	first := t.now().Add(max(soon*t.speed(), 2*time.Minute)) // cron knows no seconds
	between := time.Duration(t.planned) * perFaultTime * t.speed() / time.Duration(t.waves())
	for i := range t.waves() {
		at := first.Add(time.Duration(i) * between)
		change := strings.NewReplacer("wave", waveName(i), "attribute: wave", "attribute: wave", // that one stays
			"0 9 * * *", fmt.Sprintf("%d %d * * *", at.Minute(), at.Hour()))
		for _, folder := range []string{"campaigns", "segments"} {
			text, err := os.ReadFile(filepath.Join(m.dir, folder, "wave.yaml"))
			if err != nil {
				return err
			}
			if err := os.WriteFile(filepath.Join(m.dir, folder, waveName(i)+".yaml"), []byte(change.Replace(string(text))), 0o600); err != nil {
				return err
			}
		}
	}
	return errors.Join(os.Remove(filepath.Join(m.dir, "campaigns", "wave.yaml")), os.Remove(filepath.Join(m.dir, "segments", "wave.yaml")))
}
