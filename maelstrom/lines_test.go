package maelstrom

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"strings"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"
)

func TestLinesOfAnyLength(t *testing.T) {
	lengths := []int{0, 1, readBuffer - 2, readBuffer - 1, readBuffer, readBuffer + 1, 3 * readBuffer, keepBuffer + 5, 10, maxLine - 1, 7}
	var all strings.Builder
	for _, n := range lengths {
		all.WriteString(strings.Repeat("x", n) + "\n")
	}
	r := newLineReader(iotest.HalfReader(strings.NewReader(all.String() + "end")))
	for _, n := range lengths {
		text, tooLong, err := r.next()
		if len(text) != n+1 || tooLong != nil || err != nil {
			t.Fatalf("%d bytes: got %d, %v", n, len(text), err)
		}
	}
	if text, _, err := r.next(); string(text) != "end" || !errors.Is(err, io.EOF) {
		t.Errorf("the last line: %q, %v", text, err)
	}
}

func TestLineTooLong(t *testing.T) {
	body := `{"src":"c1","dest":"n1","body":{"type":"write","key":1,"value":"` + strings.Repeat(`\"`, maxLine/2) + `","msg_id":77}}` + "\n"
	r := newLineReader(strings.NewReader(body + "next\n"))
	text, g, err := r.next()
	if text != nil || err != nil || g == nil || g.src != "c1" || g.dest != "n1" || g.msgID != 77 || !g.hasMsgID {
		t.Errorf("glimpsed %+v, %v", g, err)
	}
	if text, _, _ := r.next(); string(text) != "next\n" {
		t.Errorf("the next line: %q", text)
	}
}

func TestReadErrorEndsServe(t *testing.T) {
	broken := errors.New("broken")
	if err := Serve(iotest.ErrReader(broken), io.Discard, io.Discard, Options{}); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
	if err := Serve(nil, nil, nil, Options{Heartbeat: -1}); err == nil {
		t.Error("bad options were taken")
	}
}

// What glimpse sees in a request is what the parser sees.
func TestGlimpse(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.StringN(1, 10, -1)
		body := map[string]any{"msg_id": rapid.Int64().Draw(t, "msg_id"), "value": drawJSON(t, 3)}
		line, _ := json.Marshal(map[string]any{"src": name.Draw(t, "src"), "dest": name.Draw(t, "dest"), "body": body, "more": drawJSON(t, 2)})
		if rapid.Bool().Draw(t, "indent") {
			var b bytes.Buffer
			_ = json.Indent(&b, line, "\t", "  ")
			line = b.Bytes()
		}
		m, err := parseMessage(line)
		if err != nil {
			t.Fatal(err)
		}
		g := &glimpse{}
		cut := rapid.IntRange(0, len(line)).Draw(t, "cut")
		g.look(line[:cut])
		g.look(line[cut:])
		who, ok := askerOf(m)
		if g.src != m.Src || g.dest != m.Dest || g.msgID != who.msgID || g.hasMsgID != ok {
			t.Fatalf("glimpsed %+v of %s", g, line)
		}
	})
}

// drawJSON returns a value that is full of traps for a reader of fragments.
func drawJSON(t *rapid.T, depth int) any {
	if depth == 0 {
		return rapid.SampledFrom([]any{1, `"`, `\`, `{"msg_id":3}`, `","msg_id":4,"`, nil, true, "src", ":", "}}"}).Draw(t, "scalar")
	}
	if rapid.Bool().Draw(t, "list") {
		return []any{drawJSON(t, depth-1), "msg_id", drawJSON(t, depth-1)}
	}
	return map[string]any{"msg_id": drawJSON(t, depth-1), "body": drawJSON(t, depth-1), "src": 1}
}

// The splitter agrees with encoding/json about every object.
func TestObjectsAgreeWithEncodingJSON(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text, _ := json.Marshal(map[string]any{"a": drawJSON(t, 3), `b"\`: drawJSON(t, 2), "": drawJSON(t, 1), "é<": 0})
		var want map[string]json.RawMessage
		if err := json.Unmarshal(text, &want); err != nil {
			t.Fatal(err)
		}
		o, err := parseObject(text)
		if err != nil || len(o) != len(want) {
			t.Fatalf("%v: %d fields of %s", err, len(o), text)
		}
		for name, value := range want {
			if string(o.find(name)) != string(value) {
				t.Fatalf("%q is %s, want %s", name, o.find(name), value)
			}
		}
	})
}

func TestLogIsLimitedPerText(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var b bytes.Buffer
		log := slog.New(newLimiter(slog.NewTextHandler(&b, nil))).With("x", 1).WithGroup("g")
		for range 1000 {
			log.Warn("often")
			time.Sleep(2 * time.Millisecond)
		}
		log.Error("once")
		log.Info("free")
		log.Info("free")
		if got := strings.Count(b.String(), "often"); got < 2 || got > 3 || !strings.Contains(b.String(), "left_out=") {
			t.Errorf("%d of 1000 lines in 2 s: %s", got, b.String())
		}
		if strings.Count(b.String(), "once") != 1 || strings.Count(b.String(), "free") != 2 {
			t.Errorf("logged %s", b.String())
		}
	})
}
