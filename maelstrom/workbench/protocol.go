package workbench

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Limits of Maelstrom's JSON parser (Jackson 2.17).
const (
	maxNesting      = 1000
	maxNumberDigits = 1000
)

// Violation is something a node printed that the protocol does not allow.
type Violation struct {
	// Node is the name of the node that printed the line.
	Node string `json:"node"`
	// Line is the line, cut to a readable length.
	Line string `json:"line"`
	// Why says what is wrong with it.
	Why string `json:"why"`
	// Asks says what the protocol asks for.
	Asks string `json:"asks"`
	// At is when it was noticed, in nanoseconds since the first operation.
	At time.Duration `json:"at_ns"`
}

// Error says it all in one paragraph.
func (v *Violation) Error() string {
	return fmt.Sprintf("node %s broke the protocol: %s. The protocol asks: %s. The line was: %s", v.Node, v.Why, v.Asks, v.Line)
}

// fault is a violation before it is known who printed what.
type fault struct {
	why, asks string
	// mild marks what Maelstrom puts up with: with quirks it is noted and
	// nothing else happens.
	mild bool
}

func (f *fault) by(node string, line []byte) *Violation {
	return &Violation{Node: node, Line: excerpt(line), Why: f.why, Asks: f.asks}
}

// What the protocol asks for, in the words that violations quote.
const (
	askLine   = "one JSON object per line on stdout, and nothing else there (log to stderr)"
	askFields = `exactly the fields "src", "dest" and "body" (and optionally an integer "id")`
	askSrc    = "src is the node's own id"
	askDest   = "dest is a node of this cluster or a client that has sent something"
	askBody   = "body is a JSON object"
	askLimits = "at most 1000 levels of nesting and 1000 digits in a number"
	askReply  = "one reply per request, whose in_reply_to is the request's msg_id"
)

// message is one message between two ends.
type message struct {
	src, dest string
	kind      string // the body's type; set for what nodes print
	body      []byte // a JSON object, shared and never changed
}

// bodyType returns the type that a body states, or "?" if it has none.
func bodyType(body []byte) string {
	var b struct {
		Type json.RawMessage `json:"type"`
	}
	var s string
	if json.Unmarshal(body, &b) != nil || json.Unmarshal(b.Type, &s) != nil {
		return "?"
	}
	return s
}

// parseLine reads one line of a node's stdout, without its line end. With
// quirks it forgives what Maelstrom's parser forgives: bytes that are not
// UTF-8, text after the object, a missing body. The result does not alias line.
func parseLine(line []byte, quirks bool) (message, *fault) {
	if !utf8.Valid(line) {
		if !quirks {
			return message{}, &fault{why: "it is not valid UTF-8", asks: askLine}
		}
		line = bytes.ToValidUTF8(line, []byte("\uFFFD"))
	}
	if f := checkLimits(line); f != nil {
		return message{}, f
	}
	fields, f := parseObject(line, quirks)
	if f != nil {
		return message{}, f
	}
	return readEnvelope(fields, quirks)
}

func parseObject(line []byte, quirks bool) (map[string]json.RawMessage, *fault) {
	if len(bytes.TrimSpace(line)) == 0 {
		return nil, &fault{why: "it is blank", asks: askLine}
	}
	dec := json.NewDecoder(bytes.NewReader(line))
	var fields map[string]json.RawMessage
	if err := dec.Decode(&fields); err != nil {
		if typeErr := (*json.UnmarshalTypeError)(nil); errors.As(err, &typeErr) {
			return nil, &fault{why: "it is a JSON " + typeErr.Value + " and not an object", asks: askLine}
		}
		return nil, &fault{why: "it is not JSON (" + err.Error() + ")", asks: askLine}
	}
	if fields == nil {
		return nil, &fault{why: "it is null and not an object", asks: askLine}
	}
	if rest := bytes.TrimSpace(line[dec.InputOffset():]); len(rest) > 0 && !quirks {
		return nil, &fault{why: "something follows the JSON object", asks: askLine}
	}
	return fields, nil
}

func readEnvelope(fields map[string]json.RawMessage, quirks bool) (message, *fault) {
	var m message
	for name, raw := range fields {
		switch name {
		case "src", "dest", "body":
		case "id":
			if !isInteger(raw) {
				return m, &fault{why: "its id is not an integer", asks: askFields}
			}
		default:
			return m, &fault{why: fmt.Sprintf("it has an extra top-level field %q", name), asks: askFields}
		}
	}
	var ok bool
	if m.src, ok = asString(fields["src"]); !ok {
		return m, &fault{why: "its src is missing or not a string", asks: askFields}
	}
	if m.dest, ok = asString(fields["dest"]); !ok {
		return m, &fault{why: "its dest is missing or not a string", asks: askFields}
	}
	body := bytes.TrimSpace(fields["body"])
	switch {
	case (len(body) == 0 || string(body) == "null") && quirks:
		m.body = []byte("{}")
	case len(body) == 0:
		return m, &fault{why: "it has no body", asks: askFields}
	case body[0] != '{':
		return m, &fault{why: "its body is not an object", asks: askBody}
	default:
		m.body = body
	}
	m.kind = bodyType(m.body)
	return m, nil
}

// checkLimits scans text that may or may not be JSON for nesting and numbers
// that Maelstrom's parser would refuse.
func checkLimits(line []byte) *fault {
	depth, digits, inString := 0, 0, false
	for i := 0; i < len(line); i++ {
		c := line[i]
		if inString {
			if c == '\\' {
				i++
			}
			inString = c != '"'
			continue
		}
		if c < '0' || c > '9' {
			digits = 0
		} else if digits++; digits > maxNumberDigits {
			return &fault{why: "it holds a number that is too long", asks: askLimits}
		}
		switch c {
		case '"':
			inString = true
		case '{', '[':
			if depth++; depth > maxNesting {
				return &fault{why: "it is nested too deeply", asks: askLimits}
			}
		case '}', ']':
			depth--
		}
	}
	return nil
}

func asString(raw json.RawMessage) (string, bool) {
	if len(raw) == 0 || raw[0] != '"' {
		return "", false
	}
	var s string
	err := json.Unmarshal(raw, &s)
	return s, err == nil
}

// isInteger says whether raw is a JSON number without fraction or exponent.
func isInteger(raw json.RawMessage) bool {
	digits := bytes.TrimPrefix(raw, []byte("-"))
	if len(digits) == 0 {
		return false
	}
	for _, c := range digits {
		if c < '0' || c > '9' {
			return false
		}
	}
	return true
}

// asInt returns raw as an int64 if it is a JSON integer that fits one.
func asInt(raw json.RawMessage) (int64, bool) {
	if !isInteger(raw) {
		return 0, false
	}
	var n int64
	err := json.Unmarshal(raw, &n)
	return n, err == nil
}

// canonical returns JSON text in one spelling per value, so that equal values
// have equal texts. Numbers keep their spelling: 1 is not 1.0.
func canonical(raw json.RawMessage) string {
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	var v any
	if dec.Decode(&v) != nil {
		return string(raw)
	}
	out, err := json.Marshal(v)
	if err != nil {
		return string(raw)
	}
	return string(out)
}

// excerpt shows the beginning of a line, as one printable line.
func excerpt(line []byte) string {
	if len(line) == 0 {
		return "(empty)"
	}
	text := bytes.ToValidUTF8(line[:min(len(line), violationExcerpt)], []byte("\uFFFD"))
	shown := strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return '\uFFFD'
	}, string(text))
	if len(line) > violationExcerpt {
		shown += fmt.Sprintf("... (%d bytes)", len(line))
	}
	return shown
}
