package wal_test

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"maelraft/raft/wal"
	"maelraft/raft/wal/simfs"
)

// viewOnly is a directory in which nothing but looking works: everything else is a nil FS and panics.
type viewOnly struct {
	wal.FS
	of *simfs.FS
	// gone are generations that are listed, and have been replaced when somebody opens them.
	gone []string
}

func (v *viewOnly) Path(name string) string                  { return v.of.Path(name) }
func (v *viewOnly) Locked() (bool, error)                    { return v.of.Locked() }
func (v *viewOnly) View(name string) (_ wal.View, err error) { return v.of.View(name) }

func (v *viewOnly) List() ([]string, error) {
	names, err := v.of.List()
	gone := v.gone
	v.gone = nil
	return append(names, gone...), err
}

func inspect(t *testing.T, dir wal.FS, want ...string) {
	t.Helper()
	out := inspected(t, dir, true)
	for _, line := range want {
		if !strings.Contains(out, line) {
			t.Errorf("no %q in:\n%s", line, out)
		}
	}
	if strings.Contains(out, "in use") != strings.Contains(strings.Join(want, " "), "in use") {
		t.Errorf("in use or not?\n%s", out)
	}
}

func inspected(t *testing.T, dir wal.FS, withEntries bool) string {
	t.Helper()
	var out strings.Builder
	if err := wal.Inspect(dir, &out, withEntries); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// TestInspectChangesNothing: an inspection only looks, and finds the newest generation although the node has just replaced the one that was listed. It
// shows configurations also to those who do not want all entries.
func TestInspectChangesNothing(t *testing.T) {
	of := simfs.New(whole(t))
	inspect(t, &viewOnly{of: of, gone: []string{wal.NameOf(9)}}, "checksums   good", "entry       25 term 4")
	for _, withEntries := range []bool{true, false} {
		out := inspected(t, of, withEntries)
		for line, want := range map[string]bool{
			"            members since entry 19: n1 n2 n3, outgoing n1 n2, learners n19.3, witnesses n2\n": true,
			"entry       23 term 4 members: n1 n2 n3, outgoing n1 n2, learners n23.4, witnesses n2\n":      true,
			"entry       24 term 4 by n2 24: command 24 of term 4\n":                                       withEntries,
		} {
			if strings.Contains(out, line) != want {
				t.Errorf("with all entries %v, %q %v:\n%s", withEntries, line, !want, out)
			}
		}
	}
	if of.Steps > 0 {
		t.Errorf("%d steps were taken", of.Steps)
	}
	inspect(t, &viewOnly{of: simfs.New(nil)}, "empty: no log was found")
}

// TestInspectBesideANode: it says that a node runs, keeps none from running, and does not take half a batch for what the next start will cut off.
func TestInspectBesideANode(t *testing.T) {
	of := simfs.New(whole(t))
	s, _, err := open(of, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	of.Fault = func(op simfs.Op) (int, error) { return 30, io.ErrShortWrite }
	if err := s.Write(changes{Entries: entries(6, 26, 26)}); err == nil {
		t.Fatal("written")
	}
	inspect(t, &viewOnly{of: of}, "in use      by a running node", "the rest is being written, or torn")

	path := filepath.Join(t.TempDir(), "data")
	dir, err := wal.Dir(path)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		s, _, err := open(dir, io.Discard)
		if err != nil {
			t.Fatal(err)
		}
		inspect(t, dir, "in use      by a running node", "checksums   good")
		if _, _, err := open(dir, io.Discard); !errors.Is(err, wal.ErrLocked) {
			t.Errorf("opened twice: %v", err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		inspect(t, dir, "entries     none", "checksums   good")
	}
}

// TestInspectWithoutWritePermission looks into a directory that its user may only read, and one that does not exist.
func TestInspectWithoutWritePermission(t *testing.T) {
	above := t.TempDir()
	path := filepath.Join(above, "data")
	writeImage(t, path, whole(t))
	if err := os.WriteFile(filepath.Join(path, "lock"), nil, 0o444); err != nil {
		t.Fatal(err)
	}
	for name, mode := range map[string]os.FileMode{filepath.Join(path, wal.NameOf(4)): 0o444, path: 0o555, above: 0o755, filepath.Dir(above): 0o755} {
		if err := os.Chmod(name, mode); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() { _ = os.Chmod(path, 0o755) })
	dir, err := wal.Dir(path)
	if err != nil {
		t.Fatal(err)
	}
	asNobody(t, func() {
		if _, err := os.Create(filepath.Join(path, "new")); err == nil {
			t.Error("this user may write")
		}
		inspect(t, dir, "checksums   good", "entry       25 term 4")
	})
	nowhere, err := wal.Dir(filepath.Join(above, "nowhere"))
	if err != nil {
		t.Fatal(err)
	}
	if err := wal.Inspect(nowhere, io.Discard, false); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a directory that does not exist: %v", err)
	}
	if _, err := os.Stat(filepath.Join(above, "nowhere")); err == nil {
		t.Error("it exists now")
	}
}
