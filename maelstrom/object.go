package maelstrom

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"time"
)

// What is in this file reads JSON that encoding/json has already found valid (json.Valid). It stands beside encoding/json, and not
// on it, because that takes "SRC" for "src" and a missing number for 0; and it copies nothing.

// object is a JSON object's members, in their order. Names are compared exactly. Of members with the same name the last one counts, as in
// Maelstrom's own parser and in most others (RFC 8259 §4 leaves it open).
type object []field

// field is a name without its quotes and escapes, and the text of a value.
type field struct{ name, value []byte }

var (
	errNotObject = errors.New("not a JSON object")
	errFields    = fmt.Errorf("more than %d fields", maxFields)
)

// parseObject splits a valid JSON text, which the result refers to.
func parseObject(valid []byte) (object, error) {
	c := cursor{rest: valid}
	if c.next() != '{' {
		return nil, errNotObject
	}
	o := make(object, 0, 8)
	for c.skip(); c.next() != '}'; {
		if c.next() == ',' {
			c.skip()
		}
		name := unquote(c.value())
		c.next()
		c.skip() // the colon
		if len(o) == maxFields {
			return nil, errFields
		}
		o = append(o, field{name, c.value()})
	}
	return o, nil
}

// elements splits a valid JSON text that is an array.
func elements(valid []byte) ([][]byte, error) {
	c := cursor{rest: valid}
	if c.next() != '[' {
		return nil, errors.New("not a JSON array")
	}
	var all [][]byte
	for c.skip(); c.next() != ']'; {
		if c.next() == ',' {
			c.skip()
		}
		all = append(all, c.value())
	}
	return all, nil
}

// find returns a member's value, or nil.
func (o object) find(name string) []byte {
	for i := len(o) - 1; i >= 0; i-- {
		if string(o[i].name) == name {
			return o[i].value
		}
	}
	return nil
}

// text returns a member that is a string.
func (o object) text(name string) (string, bool) {
	value := o.find(name)
	if len(value) == 0 || value[0] != '"' {
		return "", false
	}
	return string(unquote(value)), true
}

// integer returns a member that is an integer, written as one, and fits into an int64.
func (o object) integer(name string) (int64, bool) {
	n, err := strconv.ParseInt(string(o.find(name)), 10, 64)
	return n, err == nil
}

// unquote returns the content of a valid string literal.
func unquote(literal []byte) []byte {
	if bytes.IndexByte(literal, '\\') < 0 {
		return literal[1 : len(literal)-1]
	}
	var s string
	_ = json.Unmarshal(literal, &s) // it is valid
	return []byte(s)
}

// cursor walks over a valid text.
type cursor struct{ rest []byte }

// next passes over white space and returns the byte behind it, without taking it.
func (c *cursor) next() byte {
	c.rest = bytes.TrimLeft(c.rest, " \t\r\n")
	if len(c.rest) == 0 {
		return 0
	}
	return c.rest[0]
}

// skip takes one byte.
func (c *cursor) skip() { c.rest = c.rest[1:] }

// value takes one value, whatever its depth, without recursion.
func (c *cursor) value() []byte {
	first := c.next()
	end, depth := 0, 0
	for {
		switch b := c.rest[end]; {
		case b == '"':
			end += stringEnd(c.rest[end:])
		case b == '{' || b == '[':
			depth++
			end++
		case b == '}' || b == ']':
			depth--
			end++
		default:
			end++
		}
		closed := depth == 0 && (first == '{' || first == '[' || first == '"')
		if closed || depth == 0 && scalarEnds(c.rest[end:]) {
			value := c.rest[:end:end]
			c.rest = c.rest[end:]
			return value
		}
	}
}

// stringEnd returns the length of the string literal at the front of a text. It looks at each byte once, and in long strings at
// many at a time.
func stringEnd(text []byte) int {
	quote := 0
	for i := 1; ; {
		if quote < i {
			quote = i + bytes.IndexByte(text[i:], '"')
		}
		backslash := bytes.IndexByte(text[i:quote], '\\')
		if backslash < 0 {
			return quote + 1
		}
		i += backslash + 2 // what is escaped does not end the string
	}
}

// scalarEnds says whether a number, true, false or null cannot go on in a text.
func scalarEnds(text []byte) bool {
	return len(text) == 0 || bytes.IndexByte([]byte(",]} \t\r\n"), text[0]) >= 0
}

// fields reads the members that a message must have, and remembers the first that is missing or of the wrong type.
type fields struct {
	object
	err error
}

func (f *fields) fail(name, want string) {
	if f.err != nil {
		return
	}
	if f.find(name) == nil {
		f.err = fmt.Errorf("field %q is missing", name)
		return
	}
	f.err = fmt.Errorf("field %q is not %s", name, want)
}

// number returns a member that is an integer from 0 to the largest int64, the range that every JSON implementation in Maelstrom's world
// keeps exact.
func (f *fields) number(name string) uint64 {
	n, err := strconv.ParseUint(string(f.find(name)), 10, 63)
	if err != nil {
		f.fail(name, "an integer from 0 to 2^63-1")
	}
	return n
}

// micros returns a time given in whole microseconds.
func (f *fields) micros(name string) time.Duration {
	n := f.number(name)
	if n > math.MaxInt64/uint64(time.Microsecond) {
		f.fail(name, "a time that can be told")
		return 0
	}
	return time.Duration(n) * time.Microsecond
}

// optionalMicros returns a time that is zero if it is not given.
func (f *fields) optionalMicros(name string) time.Duration {
	if f.find(name) == nil {
		return 0
	}
	return f.micros(name)
}

func (f *fields) flag(name string) bool {
	switch string(f.find(name)) {
	case "true":
		return true
	case "false":
	default:
		f.fail(name, "true or false")
	}
	return false
}

// id returns a member that is a string with something in it.
func (f *fields) id(name string) string {
	s, ok := f.text(name)
	if !ok || s == "" {
		f.fail(name, "a string that is not empty")
	}
	return s
}
