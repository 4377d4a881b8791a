package workbench

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// A reader of EDN, the notation for Clojure's data in which Maelstrom writes
// histories. nil, booleans and strings become Go's; the other forms become the
// types below.

// ednMaxNesting is how many forms may stand inside one another.
const ednMaxNesting = 100

// historyFormLimit is the length in bytes of the longest form, or line of
// JSON, that a history may have.
const historyFormLimit = 16 << 20

type (
	ednNumber  string // in JSON's spelling, without the N or M of big numbers
	ednKeyword string // without the colon
	ednSymbol  string
	ednChar    rune
	ednList    []any // a vector or a list, which EDN holds equal
	ednSet     []any
	ednMap     []ednPair
	ednTagged  struct {
		tag   string
		value any
	}
)

type ednPair struct{ key, value any }

// What closes the form that is being read, where it is not a bracket.
const (
	closedByEnd = -1 // the end of the file
	neverClosed = -2 // a form must come
)

// lineError is something wrong in a line of a file, counted from 1.
type lineError struct {
	line int
	err  error
}

func (e *lineError) Error() string { return fmt.Sprintf("line %d: %v", e.line, e.err) }

func (e *lineError) Unwrap() error { return e.err }

// ednReader reads one form after another. It keeps no more than one in memory.
type ednReader struct {
	r    *bufio.Reader
	line int // of the next byte
	// start is the line on which the current form begins.
	start int
	left  int // bytes that the current form may still have
}

func newEDNReader(r *bufio.Reader) *ednReader { return &ednReader{r: r, line: 1} }

// read returns the next form, or io.EOF.
func (d *ednReader) read() (any, error) {
	d.left = historyFormLimit
	v, end, err := d.item(0, closedByEnd)
	if err == nil && end {
		err = io.EOF
	}
	return v, err
}

func (d *ednReader) fail(format string, args ...any) error {
	return &lineError{d.line, fmt.Errorf(format, args...)}
}

func (d *ednReader) byte() (byte, error) {
	c, err := d.r.ReadByte()
	if err != nil {
		return 0, err
	}
	if c == '\n' {
		d.line++
	}
	if d.left--; d.left < 0 {
		return 0, d.fail("a form is longer than %d bytes", historyFormLimit)
	}
	return c, nil
}

// unread gives back the byte that byte returned last.
func (d *ednReader) unread(c byte) {
	_ = d.r.UnreadByte() // cannot fail right after ReadByte
	d.left++
	if c == '\n' {
		d.line--
	}
}

// skip returns the first byte that is neither blank nor part of a comment.
func (d *ednReader) skip() (byte, error) {
	for comment := false; ; {
		c, err := d.byte()
		switch {
		case err != nil:
			return 0, err
		case comment:
			comment = c != '\n'
		case c == ';':
			comment = true
		case !isEDNBlank(c):
			return c, nil
		}
	}
}

// peek returns the first byte of the next form and stays before it.
func (d *ednReader) peek() (byte, error) {
	d.left = historyFormLimit
	c, err := d.skip()
	if err == nil {
		d.unread(c)
	}
	return c, err
}

// item reads a form, or says that the closing byte or the end came instead.
func (d *ednReader) item(depth, closer int) (v any, end bool, err error) {
	if depth > ednMaxNesting {
		return nil, false, d.fail("forms are nested more than %d deep", ednMaxNesting)
	}
	for {
		c, err := d.skip()
		if depth == 0 {
			d.start = d.line
		}
		switch {
		case err == io.EOF && closer == closedByEnd, err == nil && int(c) == closer:
			return nil, true, nil
		case err != nil:
			return nil, false, d.truncated(err)
		case c != '#':
			v, err := d.form(c, depth)
			return v, false, err
		}
		v, dropped, err := d.dispatch(depth)
		if err != nil || !dropped {
			return v, false, err
		}
	}
}

// truncated turns the end of the file into an error that says where it was.
func (d *ednReader) truncated(err error) error {
	if err == io.EOF || errors.Is(err, io.ErrUnexpectedEOF) {
		return d.fail("the file ends in the middle of a form that begins on line %d", d.start)
	}
	if known := (*lineError)(nil); errors.As(err, &known) {
		return err
	}
	return d.fail("%w", err)
}

// form reads the form that starts with c.
func (d *ednReader) form(c byte, depth int) (any, error) {
	switch c {
	case '[':
		return d.list(depth, ']')
	case '(':
		return d.list(depth, ')')
	case '{':
		return d.pairs(depth)
	case '"':
		return d.str()
	case '\\':
		return d.char()
	case ']', ')', '}':
		return nil, d.fail("%q closes nothing", c)
	}
	name, err := d.token(c)
	if err != nil {
		return nil, err
	}
	return d.atom(name)
}

// dispatch reads what follows a #: a set, a tagged form, a number such as
// ##Inf, or a form to be dropped.
func (d *ednReader) dispatch(depth int) (v any, dropped bool, err error) {
	c, err := d.byte()
	if err != nil {
		return nil, false, d.truncated(err)
	}
	switch c {
	case '{':
		items, err := d.list(depth, '}')
		return ednSet(items), false, err
	case '_':
		_, _, err := d.item(depth+1, neverClosed)
		return nil, true, err
	}
	tag, err := d.token(c)
	switch {
	case err != nil:
		return nil, false, err
	case !isEDNName(strings.TrimPrefix(tag, "#")):
		return nil, false, d.fail("%.40q cannot follow #", tag)
	case c == '#':
		return ednSymbol("#" + tag), false, nil
	}
	v, _, err = d.item(depth+1, neverClosed)
	return ednTagged{tag, v}, false, err
}

func (d *ednReader) list(depth, closer int) (ednList, error) {
	items := ednList{}
	for {
		v, end, err := d.item(depth+1, closer)
		if err != nil || end {
			return items, err
		}
		items = append(items, v)
	}
}

func (d *ednReader) pairs(depth int) (ednMap, error) {
	items, err := d.list(depth, '}')
	if err != nil {
		return nil, err
	}
	if len(items)%2 != 0 {
		return nil, d.fail("a map has a key without a value")
	}
	m := make(ednMap, 0, len(items)/2)
	for pair := range slices.Chunk(items, 2) {
		m = append(m, ednPair{pair[0], pair[1]})
	}
	return m, nil
}
