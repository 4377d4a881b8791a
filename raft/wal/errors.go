package wal

import (
	"errors"
	"fmt"
)

// ErrLocked says that another process uses the directory.
var ErrLocked = errors.New("another process uses this data directory")

// DamageError says that a file is not what was written, in a place that cannot have been torn by a crash. The file is as it was found.
type DamageError struct {
	// File is the path, Offset the place of the first byte of the record that cannot be read.
	File   string
	Offset int64
	// Why says what is wrong there.
	Why string
}

// Error says where the damage is and what to do, in one line.
func (e *DamageError) Error() string {
	return fmt.Sprintf("wal: %s is damaged at byte %d: %s. Nothing was changed. What follows was durable and may have been promised to other "+
		"nodes, so this node must not go on without it: restore the directory from a copy made after its last sync, or remove this node from the "+
		"cluster and let a new one join with an empty directory", e.File, e.Offset, e.Why)
}

// IdentityError says that a directory belongs to somebody else.
type IdentityError struct {
	// Dir is the directory; What names what is different: node, cluster or run; Found is whose it is, and Want who asked.
	Dir, What, Found, Want string
}

// Error says in one line whose the directory is.
func (e *IdentityError) Error() string {
	return fmt.Sprintf("wal: data directory %s belongs to %s %q, not to %q: nothing was changed, give another directory", e.Dir, e.What, e.Found, e.Want)
}
