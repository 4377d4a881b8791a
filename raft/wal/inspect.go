package wal

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"strings"
	"unicode"
	"unicode/utf8"

	"maelraft/raft"
)

// verbatim is the codec of somebody who does not know the commands.
type verbatim struct{}

func (verbatim) Append(to []byte, c string) ([]byte, error) { return append(to, c...), nil }
func (verbatim) Decode(text []byte) (string, error)         { return string(text), nil }

// inspectTries is how often an inspection looks for the newest generation again, because the node has replaced it meanwhile.
const inspectTries = 10

// Inspect writes what is in a directory for a person to read: of the entries those with a configuration, or all if asked for. It changes nothing,
// needs no more than the permission to read, and may be used while a node runs; then it says so, and may see half of the last batch. The error is a
// *DamageError if a file is damaged.
func Inspect(dir FS, out io.Writer, withEntries bool) error {
	fmt.Fprintf(out, "directory   %s\n", dir.Path(""))
	inUse, err := dir.Locked()
	switch {
	case err != nil:
		fmt.Fprintf(out, "in use      cannot be told: %v\n", err)
	case inUse:
		fmt.Fprintln(out, "in use      by a running node: what it writes at this moment may be missing below, or half there")
	}
	files, f, err := viewNewest(dir)
	if err != nil {
		return err
	}
	if f == nil {
		fmt.Fprintln(out, "empty: no log was found")
		return nil
	}
	name := nameOf(files.newest())
	c, err := replay(f, dir.Path(name), files.newest(), verbatim{}, slog.New(slog.DiscardHandler))
	if errors.Is(err, errVersion) {
		return errors.Join(err, f.Close())
	}
	c.describe(out, name)
	for _, e := range c.saved.Entries {
		if withEntries || e.Config != nil {
			fmt.Fprintf(out, "entry       %s\n", describeEntry(e))
		}
	}
	for _, old := range files.outdated() {
		if inUse && strings.HasSuffix(old, suffix) {
			fmt.Fprintf(out, "under way   %s, the next generation\n", old)
			continue
		}
		fmt.Fprintf(out, "left over   %s, which %s removes\n", old, whoever(inUse))
	}
	c.judge(out, err, inUse)
	return errors.Join(err, f.Close())
}

// viewNewest opens the newest generation, or nothing if there is none.
func viewNewest(dir FS) (files, View, error) {
	for try := 1; ; try++ {
		files, err := list(dir)
		if err != nil || len(files.generations) == 0 {
			return files, nil, err
		}
		f, err := dir.View(nameOf(files.newest()))
		if err == nil {
			return files, f, nil
		}
		if try == inspectTries || !errors.Is(err, fs.ErrNotExist) {
			return files, nil, fmt.Errorf("wal: %w", err)
		}
	}
}

// whoever cleans up.
func whoever(inUse bool) string {
	if inUse {
		return "the running node, or else the next start,"
	}
	return "the next start"
}

// judge says what the checksums say.
func (c *contents[C]) judge(out io.Writer, err error, inUse bool) {
	damage := (*DamageError)(nil)
	switch {
	case errors.As(err, &damage):
		fmt.Fprintf(out, "checksums   DAMAGED at byte %d: %s\n", damage.Offset, damage.Why)
	case err != nil:
	case c.torn == "":
		fmt.Fprintf(out, "checksums   good, all of them\n")
	case inUse:
		fmt.Fprintf(out, "checksums   good up to byte %d; the rest is being written, or torn (%s)\n", c.end, c.torn)
	default:
		fmt.Fprintf(out, "checksums   good up to byte %d; the rest is a torn write (%s), which the next start cuts off\n", c.end, c.torn)
	}
}

// describe writes what there is, up to where it could be read.
func (c *contents[C]) describe(out io.Writer, name string) {
	run := c.identity.Run
	if run == "" {
		run = "(not named)"
	}
	fmt.Fprintf(out, "node        %s of %s, run %s\n", c.identity.Node, c.identity.Cluster, run)
	fmt.Fprintf(out, "file        %s, %d bytes, %d records, format %d\n", name, c.size, c.records, formatVersion)
	vote := string(c.saved.VotedFor)
	if vote == "" {
		vote = "nobody"
	}
	fmt.Fprintf(out, "term        %d, vote for %s, life %d\n", c.saved.Term, vote, c.saved.Lives)
	if c.torn != "" && c.rescued != c.state() {
		fmt.Fprintf(out, "            behind the torn place: term %d, vote for %q, life %d, which count\n", c.rescued.Term, c.rescued.VotedFor, c.rescued.lives)
	}
	if s := c.saved.Snapshot; s.Index > 0 {
		fmt.Fprintf(out, "snapshot    up to entry %d of term %d, %d bytes\n", s.Index, s.Term, len(s.State))
		fmt.Fprintf(out, "            members since entry %d: %s\n", s.Configuration.Index, &s.Configuration)
	} else {
		fmt.Fprintln(out, "snapshot    none")
	}
	if n := len(c.saved.Entries); n > 0 {
		first, last := c.saved.Entries[0], c.saved.Entries[n-1]
		fmt.Fprintf(out, "entries     %d to %d, of terms %d to %d\n", first.Index, last.Index, first.Term, last.Term)
	} else {
		fmt.Fprintln(out, "entries     none")
	}
}

// describeEntry returns an entry on one line. Commands that are not text are shown as a quoted string.
func describeEntry(e raft.Entry[string]) string {
	switch {
	case e.Config != nil:
		return fmt.Sprintf("%d term %d members: %s", e.Index, e.Term, e.Config)
	case e.IsNoOp():
		return fmt.Sprintf("%d term %d no-op", e.Index, e.Term)
	}
	command, plain := e.Command, utf8.ValidString(e.Command)
	for _, r := range command {
		plain = plain && unicode.IsPrint(r)
	}
	if !plain {
		quoted, _ := json.Marshal(command)
		command = string(quoted)
	}
	return fmt.Sprintf("%d term %d by %s %d: %s", e.Index, e.Term, e.ID.Node, e.ID.Seq, command)
}
