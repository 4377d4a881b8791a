package wal

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
)

const (
	// formatVersion stands in every record. A file of another version is refused: the first one had no configurations, and nobody has files of it.
	formatVersion = 2
	// headerSize is the length in bytes of what stands before the body of a record: mark, version, length of the body, how much of the file was
	// durable, checksum of the body, checksum of the header.
	headerSize = 24
	// chunk is the length in bytes from which a record takes no further entry: what does not fit follows in another.
	chunk = 1 << 20
	// maxBody is the longest body in bytes that is believed.
	maxBody = 1 << 31
)

var (
	mark       = [3]byte{'M', 'R', 'L'}
	castagnoli = crc32.MakeTable(crc32.Castagnoli)
)

// composer builds records that are to stand in a file from some offset on.
type composer struct {
	generation uint64
	base       int64 // where the buffer will stand in the file
	synced     int64 // how much of the file is durable
	buffer     []byte
}

// begin leaves room for a header, and returns where the record begins in the buffer.
func (c *composer) begin() int {
	start := len(c.buffer)
	c.buffer = append(c.buffer, make([]byte, headerSize)...)
	return start
}

// end fills in the header of the record that ends with the buffer.
func (c *composer) end(start int) {
	h, body := c.buffer[start:start+headerSize], c.buffer[start+headerSize:]
	copy(h, mark[:])
	h[3] = formatVersion
	binary.LittleEndian.PutUint32(h[4:], uint32(len(body)))
	binary.LittleEndian.PutUint64(h[8:], uint64(c.synced))
	binary.LittleEndian.PutUint32(h[16:], crc32.Checksum(body, castagnoli))
	binary.LittleEndian.PutUint32(h[20:], headerSum(h, c.generation, c.base+int64(start)))
}

// headerSum is the checksum of a header in its place: bytes that happen to look like a record, or have been copied from elsewhere, are none.
func headerSum(h []byte, generation uint64, offset int64) uint32 {
	var place [16]byte
	binary.LittleEndian.PutUint64(place[:], generation)
	binary.LittleEndian.PutUint64(place[8:], uint64(offset))
	return crc32.Update(crc32.Checksum(h[:20], castagnoli), castagnoli, place[:])
}

// header is the header of a record, read.
type header struct {
	length int64
	synced int64
	sum    uint32
}

// errVersion says that a record is sound and not for us.
var errVersion = fmt.Errorf("this program reads version %d alone; use the one that wrote it", formatVersion)

// parseHeader reads a header. The error says what is wrong with it.
func parseHeader(h []byte, generation uint64, offset int64) (header, error) {
	switch {
	case !bytes.Equal(h[:3], mark[:]):
		return header{}, errors.New("no record begins here")
	case binary.LittleEndian.Uint32(h[20:]) != headerSum(h, generation, offset):
		return header{}, errors.New("the checksum of a header is wrong")
	case h[3] != formatVersion:
		return header{}, fmt.Errorf("format version %d: %w", h[3], errVersion)
	}
	return header{
		length: int64(binary.LittleEndian.Uint32(h[4:])), synced: int64(binary.LittleEndian.Uint64(h[8:])), sum: binary.LittleEndian.Uint32(h[16:]),
	}, nil
}

// readRecord reads the record at an offset of a file, into buffer if it fits. io.EOF says that the file ends there; any other error says why
// there is no record, or comes from the file (readFailure).
func readRecord(f io.ReaderAt, size int64, generation uint64, offset int64, buffer []byte) (header, []byte, error) {
	if offset == size {
		return header{}, buffer, io.EOF
	}
	if size-offset < headerSize {
		return header{}, buffer, errors.New("the file ends within a header")
	}
	var raw [headerSize]byte
	if _, err := f.ReadAt(raw[:], offset); err != nil {
		return header{}, buffer, readFailure{err}
	}
	h, err := parseHeader(raw[:], generation, offset)
	if err != nil {
		return h, buffer, err
	}
	if h.length > maxBody || h.length > size-offset-headerSize {
		return h, buffer, errors.New("the file ends within a record")
	}
	if int64(cap(buffer)) < h.length {
		buffer = make([]byte, h.length)
	}
	buffer = buffer[:h.length]
	if _, err := f.ReadAt(buffer, offset+headerSize); err != nil {
		return h, buffer, readFailure{err}
	}
	if crc32.Checksum(buffer, castagnoli) != h.sum {
		return h, buffer, errors.New("the checksum of a record is wrong")
	}
	return h, buffer, nil
}

// readFailure is an error of the file system, which says nothing about what is in the file.
type readFailure struct{ error }

func (e readFailure) Unwrap() error { return e.error }

// window is how many bytes a search reads at a time.
const window = 1 << 16

// search calls found for every sound record behind a bad place, wherever it begins, until found returns false.
func search(f io.ReaderAt, size int64, generation uint64, from int64, found func(offset int64, h header, body []byte) bool) error {
	raw := make([]byte, window)
	for from < size {
		part := raw[:min(window, size-from)]
		if _, err := f.ReadAt(part, from); err != nil {
			return readFailure{err}
		}
		for i := 0; ; i++ {
			next := bytes.Index(part[i:], mark[:])
			if next < 0 {
				break
			}
			i += next
			h, body, err := readRecord(f, size, generation, from+int64(i), nil)
			if err == nil && !found(from+int64(i), h, body) {
				return nil
			}
			if failure := (readFailure{}); errors.As(err, &failure) {
				return err
			}
		}
		if size-from <= window {
			return nil
		}
		from += window - int64(len(mark)-1) // a mark may stand across two windows
	}
	return nil
}
