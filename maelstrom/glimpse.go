package maelstrom

import (
	"encoding/json"
	"strconv"
)

// glimpse looks for who sent a line, to whom, and under which msg_id, when the line is too long, too deep or too broken to be
// parsed. It takes the text in pieces, keeps none of it, does not recurse, and does not mind what it does not understand: it
// only has to be right about lines that differ from a request in what it passes over.
type glimpse struct {
	src, dest string
	msgID     int64
	hasMsgID  bool

	depth    int
	names    [3]string // the name of the member that is being read, at depth 1 and 2
	token    []byte    // the string or scalar that was read last, as it is written
	inString bool
	escaped  bool
}

// look takes in the next piece.
func (g *glimpse) look(text []byte) {
	for _, c := range text {
		if g.inString {
			g.stringByte(c)
			continue
		}
		switch c {
		case '"':
			g.inString = true
			g.token = append(g.token[:0], c)
		case ':':
			if g.depth == 1 || g.depth == 2 {
				g.names[g.depth] = g.text()
			}
			g.token = g.token[:0]
		case ',':
			g.memberEnds()
		case '{', '[':
			g.memberEnds()
			g.depth++
			if g.depth == 2 {
				g.names[2] = ""
			}
		case '}', ']':
			g.memberEnds()
			g.depth--
		case ' ', '\t', '\r', '\n':
		default:
			g.keep(c)
		}
	}
}

func (g *glimpse) stringByte(c byte) {
	g.keep(c)
	switch {
	case g.escaped:
		g.escaped = false
	case c == '\\':
		g.escaped = true
	case c == '"':
		g.inString = false
	}
}

func (g *glimpse) keep(c byte) {
	if len(g.token) <= maxToken {
		g.token = append(g.token, c)
	}
}

// text returns the last token if it is a string of a sensible length, else nothing.
func (g *glimpse) text() string {
	var s string
	if len(g.token) > maxToken || json.Unmarshal(g.token, &s) != nil {
		return ""
	}
	return s
}

// memberEnds takes note of the member that has just been read.
func (g *glimpse) memberEnds() {
	switch {
	case g.depth == 1 && g.names[1] == "src":
		g.src = g.text()
	case g.depth == 1 && g.names[1] == "dest":
		g.dest = g.text()
	case g.depth == 2 && g.names[1] == "body" && g.names[2] == "msg_id" && len(g.token) > 0:
		n, err := strconv.ParseInt(string(g.token), 10, 64)
		g.msgID, g.hasMsgID = n, err == nil
	}
	g.token = g.token[:0]
}
