package maelstrom

import (
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"

	"maelraft/kv"
	"maelraft/raft"
	"maelraft/raft/wal"
)

// diskCommand is a command as it stands in the log on disk: the JSON that it has in an append_entries too, without what names the
// proposal, which the log keeps beside it.
type diskCommand struct {
	Client string     `json:"client"`
	ID     uint64     `json:"id"`
	Seen   raft.Index `json:"seen"`
	kv.Command
}

// diskCodec implements wal.Codec.
type diskCodec struct{}

func (diskCodec) Append(to []byte, c command) ([]byte, error) {
	text, err := json.Marshal(diskCommand{c.Client, c.ID, c.Seen, c.Op})
	return append(to, text...), err
}

func (diskCodec) Decode(text []byte) (command, error) {
	if tooDeep(text) || !json.Valid(text) {
		return command{}, errNotJSON
	}
	f := &fields{}
	if f.object, f.err = parseObject(text); f.err != nil {
		return command{}, f.err
	}
	c := f.command()
	return c, f.err
}

// storage is what a node keeps its state in.
type storage interface {
	raft.Storage[command]
	io.Closer
}

// memory is a storage for as long as the process lives.
type memory struct{ raft.MemoryStorage[command] }

func (*memory) Close() error { return nil }

// openStorage opens the data directory, or a storage in memory if there is none.
func (s *server) openStorage(id string, ids []string) (storage, error) {
	if s.opts.DataDir == "" {
		return &memory{}, nil
	}
	dir, err := wal.Dir(s.opts.DataDir)
	if err != nil {
		return nil, err
	}
	return wal.Open(wal.Options[command]{
		FS: dir, Codec: diskCodec{}, Log: s.log,
		Identity: wal.Identity{Node: id, Cluster: strings.Join(slices.Sorted(slices.Values(ids)), ","), Run: s.opts.RunID},
	})
}

// diskError is a data directory that cannot be used. It ends the process: a node that forgets what it has promised must not take part, and
// somebody has to look.
type diskError struct{ error }

func (e diskError) Unwrap() error { return e.error }

func isDiskError(err error) bool { return errors.As(err, &diskError{}) }

// Inspect writes what is in a node's data directory for a person to read, with every entry of the log if asked for. It changes nothing.
func Inspect(path string, out io.Writer, withEntries bool) error {
	dir, err := wal.Dir(path)
	if err != nil {
		return err
	}
	return wal.Inspect(dir, out, withEntries)
}
