package wal

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"maelraft/raft"
)

const (
	// readBuffer is how many bytes a replay reads at a time.
	readBuffer = 1 << 20
	// progressEvery is the time between two words to somebody who waits for a long log to be read.
	progressEvery = 2 * time.Second
)

// contents is what is in a file.
type contents[C any] struct {
	codec    Codec[C]
	identity Identity
	saved    raft.Saved[C]
	places   []place // of saved.Entries
	records  int
	complete bool // its beginning is
	// end is where the sound records end, size where the file does, torn why they are not the same.
	end, size int64
	torn      string
	// rescued is term, vote and lives together with what is behind a torn place.
	rescued state
}

func (c *contents[C]) state() state { return state{c.saved.HardState, c.saved.Lives} }

// replay reads a file. It returns a *DamageError, together with what was read up to there, if the file is damaged.
func replay[C any](f View, path string, generation uint64, codec Codec[C], log *slog.Logger) (*contents[C], error) {
	c := &contents[C]{codec: codec}
	var err error
	if c.size, err = f.Size(); err != nil {
		return c, err
	}
	var body []byte
	source := &ahead{file: f, size: c.size}
	for last := time.Now(); ; {
		var h header
		h, body, err = readRecord(source, c.size, generation, c.end, body)
		if err == nil {
			if why := c.take(body, c.end+headerSize); why != nil {
				return c, &DamageError{path, c.end, "the record is whole, but " + why.Error()}
			}
			c.end += headerSize + h.length
			c.records++
		} else if err = c.stop(f, path, generation, err); err != nil || c.torn != "" {
			return c, err
		} else {
			c.rescued = c.state()
			return c, nil
		}
		if now := time.Now(); now.Sub(last) > progressEvery {
			last = now
			log.Warn("reading the log", "file", path, "bytes", c.end, "of", c.size, "last", c.last())
		}
	}
}

// stop decides what it means that no record begins where the last one ends.
func (c *contents[C]) stop(f View, path string, generation uint64, why error) error {
	failure := readFailure{}
	switch {
	case errors.As(why, &failure):
		return fmt.Errorf("wal: %s at byte %d: %w", path, c.end, why)
	case errors.Is(why, errVersion):
		return fmt.Errorf("wal: %s at byte %d: %w", path, c.end, why)
	case !c.complete:
		if errors.Is(why, io.EOF) {
			why = errors.New("the file ends too early")
		}
		return &DamageError{path, c.end, why.Error()}
	case errors.Is(why, io.EOF):
		return nil
	}
	// A later record that calls this place durable proves that it was not torn.
	c.torn, c.rescued = why.Error(), c.state()
	proof := int64(-1)
	err := search(f, c.size, generation, c.end+1, func(offset int64, h header, body []byte) bool {
		if h.synced > c.end {
			proof = offset
			return false
		}
		if p := newParser(body); p.kind() == kindBatch {
			if s := p.state(); !p.bad {
				c.rescued = c.rescued.join(s)
			}
		}
		return true
	})
	if err != nil {
		return fmt.Errorf("wal: %s: %w", path, err)
	}
	if proof >= 0 {
		return &DamageError{path, c.end, fmt.Sprintf("%s, and the record at byte %d says that it was durable", c.torn, proof)}
	}
	return nil
}

// last is the index of the last entry, or of the snapshot.
func (c *contents[C]) last() raft.Index {
	return c.saved.Snapshot.Index + raft.Index(len(c.saved.Entries))
}

// take replays a record whose body stands at an offset.
func (c *contents[C]) take(body []byte, offset int64) error {
	p := newParser(body)
	k := p.kind()
	if (k == kindStart) != (c.records == 0) || c.complete && k != kindBatch {
		return fmt.Errorf("a record of kind %d does not belong there", k)
	}
	switch k {
	case kindStart:
		p.uvarint() // the generation, which the checksum of the header knows too
		c.identity = Identity{p.text(), p.text(), p.text()}
	case kindSnapshot:
		s := &c.saved.Snapshot
		s.Index, s.Term = raft.Index(p.uvarint()), raft.Term(p.uvarint())
		s.Configuration = p.configuration(raft.Index(p.uvarint()))
		s.State = append(s.State, p.rest...)
	case kindComplete:
		c.complete = true
	case kindBatch:
		return c.takeBatch(p, offset)
	default:
		return fmt.Errorf("a record of kind %d is unknown", k)
	}
	if p.bad {
		return errors.New("it says too little")
	}
	return nil
}

// takeBatch replays a batch. What was stored at the index of its first entry or behind it is replaced.
func (c *contents[C]) takeBatch(p *parser, offset int64) error {
	s := p.state()
	first := raft.Index(p.uvarint())
	if p.bad {
		return errors.New("it says too little")
	}
	c.saved.HardState, c.saved.Lives = s.HardState, s.lives
	if len(p.rest) == 0 {
		return nil
	}
	if first <= c.saved.Snapshot.Index || first > c.last()+1 {
		return fmt.Errorf("entry %d does not follow entry %d", first, c.last())
	}
	keep := first - c.saved.Snapshot.Index - 1
	c.saved.Entries, c.places = c.saved.Entries[:keep], c.places[:keep]
	for index := first; len(p.rest) > 0; index++ {
		from := p.at()
		e, err := parseEntry(p, c.codec, index)
		if err != nil {
			return err
		}
		at := newPlace(offset+int64(from), p.all[from:p.at()])
		at.term = e.Term
		c.saved.Entries, c.places = append(c.saved.Entries, e), append(c.places, at)
	}
	return nil
}

// ahead reads a file from front to back in large pieces.
type ahead struct {
	file   io.ReaderAt
	size   int64
	from   int64 // where the buffer begins in the file
	buffer []byte
}

// ReadAt implements io.ReaderAt.
func (a *ahead) ReadAt(b []byte, offset int64) (int, error) {
	if len(b) >= readBuffer {
		return a.file.ReadAt(b, offset)
	}
	if offset < a.from || offset+int64(len(b)) > a.from+int64(len(a.buffer)) {
		a.from = offset
		a.buffer = append(a.buffer[:0], make([]byte, min(readBuffer, a.size-offset))...)
		if n, err := a.file.ReadAt(a.buffer, offset); n < len(a.buffer) {
			a.buffer = nil
			return 0, err
		}
	}
	return copy(b, a.buffer[offset-a.from:]), nil
}
