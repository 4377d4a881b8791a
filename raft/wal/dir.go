package wal

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"maelraft/raft"
)

// dir is a directory of the operating system.
type dir string

// Dir returns a directory as an FS. If it does not exist, Lock makes it, with those above it.
func Dir(path string) (FS, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("wal: %w", err)
	}
	return dir(path), nil
}

// makeDir makes a directory durably: its name stands in the one above.
func makeDir(path string) error {
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return nil
	}
	above := filepath.Dir(path)
	if above != path {
		if err := makeDir(above); err != nil {
			return err
		}
	}
	if err := os.Mkdir(path, 0o755); err != nil && !errors.Is(err, os.ErrExist) {
		return err
	}
	return syncDir(above)
}

func (d dir) Path(name string) string { return filepath.Join(string(d), name) }

const (
	// lockFile is what is locked. It stays empty, and is left behind.
	lockFile = "lock"
	// lockTries and lockPause: somebody who only asks whether a directory is in use holds the lock for an instant, and must keep no node from starting.
	lockTries = 3
	lockPause = 10 * time.Millisecond
)

func (d dir) Lock() (io.Closer, error) {
	if noLocks != nil {
		return nil, fmt.Errorf("%s: %w", d, noLocks)
	}
	if err := makeDir(string(d)); err != nil {
		return nil, noRoom(err)
	}
	f, err := os.OpenFile(d.Path(lockFile), os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, noRoom(err)
	}
	err = lock(f, exclusive)
	for try := 1; errors.Is(err, ErrLocked) && try < lockTries; try++ {
		time.Sleep(lockPause)
		err = lock(f, exclusive)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", d, err), f.Close())
	}
	return f, nil
}

func (d dir) Locked() (bool, error) {
	if noLocks != nil {
		return false, noLocks
	}
	f, err := os.Open(d.Path(lockFile))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil // nobody has ever used it
	}
	if err != nil {
		return false, err
	}
	err = lock(f, shared)
	return errors.Is(err, ErrLocked), errors.Join(ignore(err, ErrLocked), f.Close())
}

// ignore returns an error unless it is one that is expected.
func ignore(err, expected error) error {
	if errors.Is(err, expected) {
		return nil
	}
	return err
}

func (d dir) List() ([]string, error) {
	entries, err := os.ReadDir(string(d))
	names := make([]string, len(entries))
	for i, e := range entries {
		names[i] = e.Name()
	}
	return names, err
}

func (d dir) Open(name string) (File, error) { return d.open(name, os.O_RDWR|os.O_APPEND) }

func (d dir) Create(name string) (File, error) {
	return d.open(name, os.O_RDWR|os.O_APPEND|os.O_CREATE|os.O_TRUNC)
}

func (d dir) View(name string) (View, error) {
	f, err := os.Open(d.Path(name))
	if err != nil {
		return nil, err
	}
	return file{f}, nil
}

func (d dir) open(name string, flags int) (File, error) {
	f, err := os.OpenFile(d.Path(name), flags, 0o644)
	if err != nil {
		return nil, noRoom(err)
	}
	return file{f}, nil
}

func (d dir) Rename(from, to string) error { return noRoom(os.Rename(d.Path(from), d.Path(to))) }

func (d dir) Remove(name string) error { return os.Remove(d.Path(name)) }

func (d dir) SyncDir() error { return syncDir(string(d)) }

func syncDir(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// file is a file of the operating system.
type file struct{ *os.File }

func (f file) Write(b []byte) (int, error) {
	n, err := f.File.Write(b)
	return n, noRoom(unnamed(err))
}

func (f file) Sync() error { return unnamed(f.File.Sync()) }

// unnamed takes the name out of an error: the file has had another since it was opened.
func unnamed(err error) error {
	if e := (*os.PathError)(nil); errors.As(err, &e) {
		return fmt.Errorf("%s: %w", e.Op, e.Err)
	}
	return err
}

func (f file) Size() (int64, error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

// noRoom marks the errors that end when somebody makes room.
func noRoom(err error) error {
	if isFull(err) {
		return fmt.Errorf("%w: %w", raft.ErrFull, err)
	}
	return err
}
