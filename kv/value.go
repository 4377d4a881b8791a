package kv

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"unicode/utf8"
)

// Limits of a value. Maelstrom's own parser stops at twice as much, and adds an envelope of its own around a value.
const (
	// MaxDepth is how many arrays and objects may stand around the innermost value.
	MaxDepth = 500
	// MaxDigits is how many decimal digits one number may have, those of its exponent included.
	MaxDigits = 500
)

// Why ParseValue refuses a text, apart from bad syntax (which is a wrapped *json.SyntaxError).
var (
	// ErrTooDeep: nested deeper than MaxDepth.
	ErrTooDeep = fmt.Errorf("kv: JSON nested deeper than %d", MaxDepth)
	// ErrNumberTooLong: a number of more than MaxDigits digits.
	ErrNumberTooLong = fmt.Errorf("kv: number of more than %d digits", MaxDigits)
	// ErrInvalidUTF8: RFC 8259 §8.1 wants UTF-8. Anything else could not be echoed through another JSON implementation.
	ErrInvalidUTF8 = errors.New("kv: JSON is not valid UTF-8")
)

// Value is one JSON value. It is immutable and shares no memory with the text that it was parsed from. The zero Value is no
// JSON value at all, not even null, and equals only itself. Values are compared with Equal; == also compares the spelling.
type Value struct {
	raw   string // as it came, without white space between tokens
	canon string // the same for all spellings, see canonical.go; often the same string as raw
}

// ParseValue reads exactly one JSON text (RFC 8259), with white space around it allowed. It takes time linear in the text,
// whatever the text is, up to the sorting of object members.
//
// An object that names a member twice is accepted, and the last one counts, as in most parsers (RFC 8259 §4 leaves it open).
func ParseValue(text []byte) (Value, error) {
	if isPlain(text) {
		s := string(text)
		return Value{raw: s, canon: s}, nil
	}
	if err := checkLimits(text); err != nil {
		return Value{}, err
	}
	return parseUnlimited(text)
}

// parseUnlimited is ParseValue without our own limits. encoding/json's limit of 10,000 levels remains, which bounds the
// recursion in canonical.
func parseUnlimited(text []byte) (Value, error) {
	if !utf8.Valid(text) {
		return Value{}, ErrInvalidUTF8
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, text); err != nil {
		return Value{}, fmt.Errorf("kv: not JSON: %w", err)
	}
	v := Value{raw: compact.String()}
	v.canon = v.raw
	if canon := canonical(compact.Bytes()); string(canon) != v.raw {
		v.canon = string(canon)
	}
	return v, nil
}

// Equal says whether v and w are the same JSON value, however they are written.
func (v Value) Equal(w Value) bool { return v.canon == w.canon }

// IsZero says whether v is the zero Value. encoding/json's omitzero asks it.
func (v Value) IsZero() bool { return v.raw == "" }

// Canonical returns the text that all spellings of v have in common: JSON itself, on one line, fit to be the key of a map.
// It is empty for the zero Value only.
func (v Value) Canonical() string { return v.canon }

// String returns v as it was written, without white space between tokens. It is the text to put into a reply: encoding/json
// would write <, > and & in strings as escapes.
func (v Value) String() string { return v.raw }

// MarshalJSON implements json.Marshaler with the text of String, and null for the zero Value.
func (v Value) MarshalJSON() ([]byte, error) {
	if v.IsZero() {
		return []byte("null"), nil
	}
	return []byte(v.raw), nil
}

// UnmarshalJSON implements json.Unmarshaler with ParseValue.
func (v *Value) UnmarshalJSON(text []byte) error {
	parsed, err := ParseValue(text)
	if err != nil {
		return err
	}
	*v = parsed
	return nil
}

// isPlain recognises at a glance most of the values that occur in practice: natural numbers that fit into an int64, and strings of
// printable ASCII without escapes. Such a text is valid, within the limits, and its own canonical form.
func isPlain(text []byte) bool {
	if n := len(text); n >= 2 && text[0] == '"' && text[n-1] == '"' {
		return !slices.ContainsFunc(text[1:n-1], func(c byte) bool { return c < ' ' || c > '~' || c == '"' || c == '\\' })
	}
	const digitsOfInt64 = 18
	if n := len(text); n == 0 || n > digitsOfInt64 || (text[0] == '0' && n > 1) {
		return false
	}
	return !slices.ContainsFunc(text, func(c byte) bool { return c < '0' || c > '9' })
}

// checkLimits looks for excess before anything looks for sense. It does not recurse, and what it says about a text that is not JSON
// does not matter.
func checkLimits(text []byte) error {
	depth, digits, inString := 0, 0, false
	for i := 0; i < len(text); i++ {
		c := text[i]
		switch {
		case c == '"':
			inString = !inString
		case inString:
			if c == '\\' {
				i++ // whatever is escaped does not end the string
			}
		case '0' <= c && c <= '9':
			if digits++; digits > MaxDigits {
				return ErrNumberTooLong
			}
		case c == '[' || c == '{':
			if depth++; depth > MaxDepth {
				return ErrTooDeep
			}
		case c == ']' || c == '}':
			depth--
		case c == ',':
			digits = 0 // between two numbers there always is a comma
		}
	}
	return nil
}
