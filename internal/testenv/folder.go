package testenv

import (
	"os"
	"path/filepath"
)

// folder is the working folder of one server. A process that dies leaves its
// folders behind; the next one to make a folder removes them, and tells a dead
// owner by a file that nobody holds locked any more.
type folder struct {
	path string
	lock *os.File
}

const (
	folderName = "rapport-test-"
	lockName   = "owner.lock"
)

// makeFolder makes a folder for the user. It is not the test's own folder,
// whose name may be longer than the path of a Unix socket may be.
func makeFolder(user *account) (*folder, error) {
	removeOrphans(os.TempDir())
	path, err := os.MkdirTemp("", folderName)
	if err != nil {
		return nil, err
	}
	f := &folder{path: path}
	if err := f.claim(); err != nil {
		f.remove()
		return nil, err
	}
	if err := user.own(path); err != nil {
		f.remove()
		return nil, err
	}
	return f, nil
}

// claim locks the folder for as long as this process lives. The file gets its
// name only when it is locked, so that no other process finds it in between.
func (f *folder) claim() error {
	unnamed := filepath.Join(f.path, lockName+".new")
	lock, err := os.Create(unnamed)
	if err != nil {
		return err
	}
	f.lock = lock
	if !lockFile(lock) {
		return os.ErrPermission
	}
	return os.Rename(unnamed, filepath.Join(f.path, lockName))
}

func (f *folder) remove() {
	os.RemoveAll(f.path)
	if f.lock != nil {
		f.lock.Close()
	}
}

// removeOrphans removes the folders in parent whose owner is gone.
func removeOrphans(parent string) {
	locks, _ := filepath.Glob(filepath.Join(parent, folderName+"*", lockName)) // the pattern is a constant
	for _, path := range locks {
		lock, err := os.Open(path)
		if err != nil {
			continue // removed meanwhile, or somebody else's
		}
		if lockFile(lock) {
			os.RemoveAll(filepath.Dir(path))
		}
		lock.Close()
	}
}
