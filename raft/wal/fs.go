package wal

import "io"

// FS is a directory. Names are plain, without a path. Tests put one in its place that loses what was not synced.
type FS interface {
	// Lock makes sure that nobody else uses the directory until the result is closed, or fails with ErrLocked.
	Lock() (io.Closer, error)
	// List returns the names of all files.
	List() ([]string, error)
	// Locked says whether somebody holds the lock. It changes nothing, not even the time of the lock file.
	Locked() (bool, error)
	// View opens a file that exists, to be read only. The error is fs.ErrNotExist if there is none.
	View(name string) (View, error)
	// Open opens a file that exists, to be read and appended to.
	Open(name string) (File, error)
	// Create makes an empty file, in the place of another if there is one.
	Create(name string) (File, error)
	// Rename gives a file another name, in the place of another file if there is one.
	Rename(from, to string) error
	// Remove removes a file.
	Remove(name string) error
	// SyncDir makes the names durable: what Create, Rename and Remove did.
	SyncDir() error
	// Path returns the name of a file as a person would write it.
	Path(name string) string
}

// View is a file that is open to be read.
type View interface {
	io.ReaderAt
	io.Closer
	// Size returns the length in bytes.
	Size() (int64, error)
}

// File is an open file. Write appends. An error of Write or Create is raft.ErrFull if there is no room, and then part of the bytes may have been
// written.
type File interface {
	View
	io.Writer
	// Truncate cuts the file to a length.
	Truncate(size int64) error
	// Sync makes the contents durable, but not the name.
	Sync() error
}
