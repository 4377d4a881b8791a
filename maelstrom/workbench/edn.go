package workbench

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
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

// str reads the rest of a string. Its escapes are JSON's, but unlike JSON it may
// hold line breaks and other control characters as they are.
func (d *ednReader) str() (any, error) {
	text, plain := []byte{'"'}, true
	for {
		c, err := d.byte()
		if err != nil {
			return nil, d.truncated(err)
		}
		switch {
		case c == '"':
			return d.unquote(append(text, c), plain)
		case c < ' ':
			text, plain = fmt.Appendf(text, `\u%04x`, c), false
		case c == '\\':
			after, err := d.byte()
			if err != nil {
				return nil, d.truncated(err)
			}
			text, plain = append(text, c, after), false
		default:
			text = append(text, c)
		}
	}
}

func (d *ednReader) unquote(text []byte, plain bool) (any, error) {
	if !utf8.Valid(text) {
		return nil, d.fail("a string is not valid UTF-8")
	}
	if plain {
		return string(text[1 : len(text)-1]), nil
	}
	var s string
	if err := json.Unmarshal(text, &s); err != nil {
		return nil, d.fail("a string has an escape that does not exist")
	}
	return s, nil
}

// ednChars are the characters that have names.
var ednChars = map[string]rune{
	"newline": '\n', "return": '\r', "space": ' ', "tab": '\t', "formfeed": '\f', "backspace": '\b',
}

// char reads the rest of a character. Its first byte may be anything.
func (d *ednReader) char() (any, error) {
	c, err := d.byte()
	if err != nil {
		return nil, d.truncated(err)
	}
	name, err := d.token(c)
	if err != nil {
		return nil, err
	}
	if named, ok := ednChars[name]; ok {
		return ednChar(named), nil
	}
	r, size := utf8.DecodeRuneInString(name)
	if hex, ok := strings.CutPrefix(name, "u"); ok && len(hex) == 4 {
		if n, err := strconv.ParseUint(hex, 16, 16); err == nil {
			return ednChar(n), nil
		}
	}
	if size != len(name) {
		return nil, d.fail("there is no character \\%.40s", name)
	}
	return ednChar(r), nil
}

// token reads the rest of what starts with c and goes on to a delimiter.
func (d *ednReader) token(c byte) (string, error) {
	text := []byte{c}
	for {
		c, err := d.byte()
		switch {
		case err == io.EOF:
		case err != nil:
			return "", d.truncated(err)
		case isEDNDelimiter(c):
			d.unread(c)
		default:
			text = append(text, c)
			continue
		}
		if !utf8.Valid(text) {
			return "", d.fail("%q is not valid UTF-8", text[:min(len(text), 40)])
		}
		return string(text), nil
	}
}

func isEDNBlank(c byte) bool {
	return c == ' ' || c == ',' || '\t' <= c && c <= '\r'
}

func isEDNDelimiter(c byte) bool {
	return isEDNBlank(c) || strings.IndexByte("()[]{}\";\\", c) >= 0
}

// atom says what a token is.
func (d *ednReader) atom(text string) (any, error) {
	switch text {
	case "nil":
		return nil, nil
	case "true", "false":
		return text == "true", nil
	}
	name, isKeyword := strings.CutPrefix(text, ":")
	switch number, isNumber := ednNumberOf(text); {
	case isNumber:
		return number, nil
	case !isEDNName(name):
		return nil, d.fail("%.40q is not EDN", text)
	case isKeyword:
		return ednKeyword(name), nil
	default:
		return ednSymbol(name), nil
	}
}

// ednNumberOf reads a number. EDN's are JSON's, with a plus if one likes, and
// with N or M behind an integer or a decimal that is to be exact.
func ednNumberOf(text string) (ednNumber, bool) {
	unsigned := strings.TrimPrefix(text, "-")
	if plain, ok := strings.CutPrefix(text, "+"); ok {
		text, unsigned = plain, plain
	}
	if unsigned == "" || !isDigit(unsigned[0]) {
		return "", false
	}
	if whole, ok := strings.CutSuffix(text, "N"); ok {
		text = whole
		if !isInteger(json.RawMessage(text)) {
			return "", false
		}
	}
	text = strings.TrimSuffix(text, "M")
	return ednNumber(text), json.Valid([]byte(text))
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// isEDNName says whether text can be a symbol, or follow the colon of a
// keyword.
func isEDNName(text string) bool {
	start := strings.TrimLeft(text, "+-.")
	if text == "" || start != "" && isDigit(start[0]) || text[0] == ':' || text[0] == '#' || isEDNDelimiter(text[0]) {
		return false
	}
	for _, r := range text {
		if strings.ContainsRune("'`~@^", r) || !unicode.IsPrint(r) {
			return false
		}
	}
	return true
}
