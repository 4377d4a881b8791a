package wal

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"unicode"
	"unicode/utf8"

	"maelraft/raft"
)

// verbatim is the codec of somebody who does not know the commands.
type verbatim struct{}

func (verbatim) Append(to []byte, c string) ([]byte, error) { return append(to, c...), nil }
func (verbatim) Decode(text []byte) (string, error)         { return string(text), nil }

// Inspect writes what is in a directory for a person to read, with every entry if asked for. It changes nothing and takes no lock, so it may be
// used while a node runs, and may then see half of its last batch. The error is a *DamageError if a file is damaged.
func Inspect(fs FS, out io.Writer, withEntries bool) error {
	files, err := list(fs)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "directory   %s\n", fs.Path(""))
	if len(files.generations) == 0 {
		fmt.Fprintln(out, "empty: no log was found")
		return nil
	}
	name := nameOf(files.newest())
	f, err := fs.Open(name)
	if err != nil {
		return fmt.Errorf("wal: %w", err)
	}
	c, err := replay(f, fs.Path(name), files.newest(), verbatim{}, slog.New(slog.DiscardHandler))
	c.describe(out, name)
	if withEntries {
		for _, e := range c.saved.Entries {
			fmt.Fprintf(out, "entry       %s\n", describeEntry(e))
		}
	}
	for _, old := range files.outdated() {
		fmt.Fprintf(out, "left over   %s, which the next start removes\n", old)
	}
	damage := (*DamageError)(nil)
	switch {
	case errors.As(err, &damage):
		fmt.Fprintf(out, "checksums   DAMAGED at byte %d: %s\n", damage.Offset, damage.Why)
	case err == nil && c.torn != "":
		fmt.Fprintf(out, "checksums   good up to byte %d; the rest is a torn write (%s), which the next start cuts off\n", c.end, c.torn)
	case err == nil:
		fmt.Fprintf(out, "checksums   good, all of them\n")
	}
	return errors.Join(err, f.Close())
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
	if e.IsNoOp() {
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
