package maelstrom

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"unicode/utf8"

	official "github.com/jepsen-io/maelstrom/demo/go"
)

// message is a line that can be read: an envelope with a body that is an object. Nothing is known yet about what the body says.
type message struct {
	official.Message
	body object
}

// Why a line is not a message.
var (
	errTooLong  = fmt.Errorf("the line is longer than %d bytes", maxLine)
	errTooDeep  = fmt.Errorf("the line is nested deeper than %d", maxDepth)
	errUTF8     = errors.New("the line is not valid UTF-8")
	errNotJSON  = errors.New("the line is not JSON")
	errEnvelope = errors.New("the line is not an object with the strings src and dest and the object body")
)

// parseMessage reads a line, to which the result refers. Fields of the envelope that we do not know are passed over.
func parseMessage(line []byte) (message, error) {
	switch {
	case tooDeep(line):
		return message{}, errTooDeep
	case !utf8.Valid(line):
		return message{}, errUTF8
	case !json.Valid(line):
		return message{}, errNotJSON
	}
	envelope, err := parseObject(line)
	if err != nil {
		return message{}, errEnvelope
	}
	var m message
	var srcOK, destOK bool
	m.Src, srcOK = envelope.text("src")
	m.Dest, destOK = envelope.text("dest")
	m.Body = envelope.find("body")
	if !srcOK || !destOK || len(m.Body) == 0 || m.Body[0] != '{' {
		return message{}, errEnvelope
	}
	if m.body, err = parseObject(m.Body); err != nil {
		return message{}, err
	}
	return m, nil
}

// kind returns the body's type, or nothing if it has none that is a string.
func (m message) kind() string {
	kind, _ := m.body.text("type")
	return kind
}

// tooDeep looks at nesting before anything looks at sense, and so without recursion. What it says of text that is not JSON does
// not matter.
func tooDeep(line []byte) bool {
	if bytes.Count(line, []byte("["))+bytes.Count(line, []byte("{")) <= maxDepth {
		return false // nearly all lines, and the quickest way to see it
	}
	depth, inString := 0, false
	for i := 0; i < len(line); i++ {
		switch c := line[i]; {
		case c == '"':
			inString = !inString
		case inString && c == '\\':
			i++
		case inString:
		case c == '[' || c == '{':
			if depth++; depth > maxDepth {
				return true
			}
		case c == ']' || c == '}':
			depth--
		}
	}
	return false
}
