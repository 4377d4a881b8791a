package workbench

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"
)

// ednHistory reads Maelstrom's history.edn: one map per event, or one vector
// of them.
type ednHistory struct {
	r *ednReader
	// inside is the line on which the vector around all events begins, or 0.
	inside int
	closer byte
}

func (h *ednHistory) notes() []string { return nil }

func (h *ednHistory) next() (*loggedEvent, error) {
	for {
		c, err := h.r.peek()
		switch {
		case err == io.EOF && h.inside == 0:
			return nil, io.EOF
		case err == io.EOF:
			return nil, &lineError{h.r.line, fmt.Errorf("the file ends in the middle of the vector that begins on line %d", h.inside)}
		case err != nil:
			return nil, h.r.truncated(err)
		case h.inside == 0 && (c == '[' || c == '('):
			_, _ = h.r.skip() // it was there a moment ago
			h.inside, h.closer = h.r.line, ']'
			if c == '(' {
				h.closer = ')'
			}
			continue
		}
		closer := closedByEnd
		if h.inside > 0 {
			closer = int(h.closer)
		}
		v, end, err := h.r.item(0, closer)
		switch {
		case err != nil:
			return nil, err
		case !end:
			return h.event(v, h.r.start)
		}
		h.inside = 0 // and if that was the end of the file, peek says so again
	}
}

// event makes an event of a form, or nil if it is not a client's.
func (h *ednHistory) event(v any, line int) (*loggedEvent, error) {
	if t, ok := v.(ednTagged); ok {
		v = t.value // a record prints as a map with its type before it
	}
	m, ok := v.(ednMap)
	if !ok {
		return nil, &lineError{line, fmt.Errorf("%.100s stands where an event is expected, which is a map", ednJSON(v))}
	}
	e, err := ednEvent(m)
	if err != nil {
		return nil, &lineError{line, err}
	}
	if e != nil {
		e.line = line
	}
	return e, nil
}

// ednEvent makes an event of a map, or nil if it is not a client's.
func ednEvent(m ednMap) (*loggedEvent, error) {
	fields := map[ednKeyword]any{}
	for _, p := range m {
		name, ok := p.key.(ednKeyword)
		if !ok {
			continue
		}
		if _, twice := fields[name]; twice {
			return nil, fmt.Errorf("the event has :%s twice", name)
		}
		fields[name] = p.value
	}
	if fields["process"] == nil {
		return nil, errors.New("the event has no :process")
	}
	process, err := ednInt(fields["process"])
	if err != nil {
		return nil, nil
	}
	kind, _ := fields["type"].(ednKeyword)
	f, _ := fields["f"].(ednKeyword)
	e := &loggedEvent{index: -1, process: process, kind: string(kind), f: string(f), code: ednCode(fields["error"])}
	if fields["index"] != nil {
		if e.index, err = ednInt(fields["index"]); err != nil {
			return nil, fmt.Errorf("its :index is wrong: %w", err)
		}
	}
	if at, err := ednInt(fields["time"]); err == nil {
		e.time = time.Duration(at)
	}
	tuple, ok := fields["value"].(ednList)
	if !ok || len(tuple) != 2 {
		return nil, fmt.Errorf("its :value must be [key value], not %.100s", ednJSON(fields["value"]))
	}
	if e.key, err = ednInt(tuple[0]); err != nil {
		return nil, fmt.Errorf("its key is wrong: %w", err)
	}
	e.value = ednJSON(tuple[1])
	return e, nil
}

func ednInt(v any) (int, error) {
	text, _ := v.(ednNumber)
	n, err := strconv.Atoi(string(text))
	if err != nil {
		return 0, fmt.Errorf("%.100s is not an integer", ednJSON(v))
	}
	return n, nil
}

// ednCode returns the code of an :error: its name, or a list of its name and
// words about it.
func ednCode(v any) int {
	if list, ok := v.(ednList); ok && len(list) > 0 {
		v = list[0]
	}
	switch v := v.(type) {
	case nil:
		return codeNone
	case ednKeyword:
		return codeOf(string(v))
	default:
		return codeUnknown
	}
}

// ednJSON returns a form as JSON text, one spelling per value. Only what JSON
// has, and keywords, can be expected in a history; the rest is kept apart.
func ednJSON(v any) string {
	text, err := json.Marshal(ednPlain(v))
	if err != nil { // numbers are JSON's, and nothing else can fail
		return fmt.Sprintf("%q", err)
	}
	return string(text)
}

// ednPlain turns a form into what encoding/json understands.
func ednPlain(v any) any {
	switch v := v.(type) {
	case ednNumber:
		return json.Number(v)
	case ednKeyword:
		return ":" + string(v)
	case ednSymbol:
		return map[string]any{"#symbol": string(v)}
	case ednChar:
		return map[string]any{"#char": string(v)}
	case ednList:
		return ednPlainList(v)
	case ednSet:
		return map[string]any{"#set": sortPlain(ednPlainList(ednList(v)))}
	case ednTagged:
		return map[string]any{"#" + v.tag: ednPlain(v.value)}
	case ednMap:
		return ednPlainMap(v)
	default:
		return v
	}
}

func ednPlainList(items ednList) []any {
	plain := make([]any, len(items))
	for i, item := range items {
		plain[i] = ednPlain(item)
	}
	return plain
}

// ednPlainMap makes an object of a map if JSON has such objects, or else a
// list of pairs.
func ednPlainMap(m ednMap) any {
	object := make(map[string]any, len(m))
	pairs := make([]any, 0, len(m))
	named := true
	for _, p := range m {
		key, value := ednPlain(p.key), ednPlain(p.value)
		name, ok := key.(string)
		named = named && ok
		object[name] = value
		pairs = append(pairs, []any{key, value})
	}
	if named {
		return object
	}
	return map[string]any{"#map": sortPlain(pairs)}
}

// sortPlain sorts plain values by their JSON text.
func sortPlain(items []any) []any {
	slices.SortFunc(items, func(a, b any) int { return strings.Compare(ednJSON(a), ednJSON(b)) })
	return items
}
