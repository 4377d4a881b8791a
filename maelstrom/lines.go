package maelstrom

import (
	"bufio"
	"errors"
	"io"
)

// lineReader reads lines of any length, and keeps those of up to maxLine bytes.
type lineReader struct {
	r    *bufio.Reader
	long []byte // the present line, if it is longer than the buffer of r
}

func newLineReader(in io.Reader) *lineReader {
	return &lineReader{r: bufio.NewReaderSize(in, readBuffer)}
}

// next returns the next line, perhaps with its end (which is white space to JSON, as is the \r of a \r\n), valid until
// the next call. A line that is too long is not kept: instead of its text it returns what could be glimpsed of it in passing.
// The error is that of the reader below; a line that ends with the input comes together with io.EOF.
func (l *lineReader) next() (text []byte, tooLong *glimpse, err error) {
	text, err = l.r.ReadSlice('\n')
	if !errors.Is(err, bufio.ErrBufferFull) {
		return text, nil, err
	}
	if cap(l.long) > keepBuffer {
		l.long = nil
	}
	l.long = append(l.long[:0], text...)
	for errors.Is(err, bufio.ErrBufferFull) {
		text, err = l.r.ReadSlice('\n')
		switch {
		case tooLong != nil:
			tooLong.look(text)
		case len(l.long)+len(text) > maxLine:
			tooLong = &glimpse{}
			tooLong.look(l.long)
			tooLong.look(text)
			l.long = nil
		default:
			l.long = append(l.long, text...)
		}
	}
	if tooLong != nil {
		return nil, tooLong, err
	}
	return l.long, nil, err
}
