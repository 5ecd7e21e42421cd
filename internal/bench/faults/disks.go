package faults

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"rapport/internal/engine"
)

// disks are disks without any room left.
func disks() []Scenario {
	return []Scenario{
		{Name: "disk-full-journal", Short: "the disks of the workers' journals are full", Long: 10, Brief: 2, Messages: 1500, Prepare: smallDisks, Break: filled},
		{Name: "disk-full-embedded", Short: "the disk of the embedded file and its journal is full", Long: 10, Brief: 2, Messages: 1500, Embedded: true, Prepare: smallDisks, Break: filled},
	}
}

// diskSize is what a small disk holds: more than the scenario writes.
const diskSize = 64 << 20

// smallDisks gives each machine that sends a small disk of its own.
func smallDisks(t *trial) error {
	for _, m := range t.with(engine.RoleWorker) {
		if err := mount(m.disk(), diskSize); err != nil {
			return err
		}
		t.Cleanup(func() {
			if err := unmount(m.disk()); err != nil {
				t.Fatalf("cannot take the small disk away again: %v", err)
			}
		})
	}
	return nil
}

// full is what the log must say when a disk is.
const full = "is full"

// filled fills the disks of all workers, and makes room again.
func filled(ctx context.Context, t *trial) error {
	for range t.planned {
		if err := t.moment(ctx); err != nil {
			return err
		}
		for _, m := range t.with(engine.RoleWorker) {
			before := m.said(full)
			if err := fill(m.disk()); err != nil {
				return err
			}
			err := until(ctx, time.Minute, "the log of "+m.name+" says that the disk is full", func() (bool, string) {
				return m.said(full) > before, "it does not"
			})
			if err != nil {
				return err
			}
		}
		if err := t.silence(ctx); err != nil {
			return err
		}
		for _, m := range t.with(engine.RoleWorker) {
			if err := os.Remove(filepath.Join(m.disk(), filler)); err != nil {
				return err
			}
		}
	}
	return nil
}

// settling is how long it may take until nothing is sent: the last block of a
// journal on a full disk still has room for some dozens of intents.
const settling = 30

// silence makes sure that sending ends while there is no room.
func (t *trial) silence(ctx context.Context) error {
	before := t.receiver.taken.Load()
	for range settling {
		if err := pause(ctx, time.Second); err != nil {
			return err
		}
		now := t.receiver.taken.Load()
		if now == before {
			return nil
		}
		before = now
	}
	return fmt.Errorf("mail still goes out %d seconds after there was no room for its intents", settling)
}

const filler = "filler"

// fill leaves no room on a disk.
func fill(dir string) error {
	f, err := os.Create(filepath.Join(dir, filler))
	if err != nil {
		return err
	}
	for size := 1 << 20; size > 0; {
		n, err := f.Write(make([]byte, size))
		if errors.Is(err, syscall.ENOSPC) && n < size {
			size /= 2
			continue
		}
		if err != nil {
			return errors.Join(err, f.Close())
		}
	}
	return f.Close()
}
