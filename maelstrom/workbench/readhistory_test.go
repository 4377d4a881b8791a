package workbench

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// recordOf plays drawn operations into a history, as a test run would.
func recordOf(ops []*op) record {
	h := newHistory(newClock())
	h.begin()
	at := map[int]func(){}
	last := 0
	for i, o := range ops {
		o.Thread, o.Process = i, i
		at[o.InvokeIndex] = func() { h.invoke(o) }
		if o.ReturnIndex < 1000 { // what drawHistory gives to those that never end
			at[o.ReturnIndex] = func() { h.complete(o) }
			last = max(last, o.ReturnIndex)
		}
		last = max(last, o.InvokeIndex)
	}
	for i := range last + 1 {
		if i%5 == 0 {
			h.changeNetwork("stop-partition", phase{}, &episode{}, func() {})
		}
		at[i]()
	}
	return h.finish()
}

// ednText spells a record as Maelstrom would.
func ednText(events []event) string {
	var b strings.Builder
	spaced := strings.NewReplacer("null", "nil", ",", " ")
	for _, e := range events {
		if e.Process == nemesisProcess {
			fmt.Fprintf(&b, "{:index %d, :time %d, :type :info, :process :nemesis, :f :%s, :value [:isolated {\"n0\" #{\"n1\"}}]}\n", e.Index, e.Time, e.F)
			continue
		}
		fmt.Fprintf(&b, "{:index %d, :time %d, :type :%s, :process %d, :f :%s, :value [%d %s]",
			e.Index, e.Time, e.Type, e.Process, e.F, *e.Key, spaced.Replace(string(e.Value)))
		switch e.Error {
		case "":
		case "net-timeout":
			b.WriteString(", :error :net-timeout")
		default:
			fmt.Fprintf(&b, ", :error [:%s \"for \\\"reasons\\\"\"]", e.Error)
		}
		b.WriteString("}\n")
	}
	return b.String()
}

// TestHistoryRoundTrip: what the bench writes, and what Maelstrom would write,
// is read back as the same operations with the same verdicts.
func TestHistoryRoundTrip(t *testing.T) {
	dir := t.TempDir()
	rapid.Check(t, func(t *rapid.T) {
		rec := recordOf(drawHistory(t))
		if err := writeHistory(dir, rec.events); err != nil {
			t.Fatal(err)
		}
		fromJSON, err := readHistoryFile(filepath.Join(dir, historyFile))
		if err != nil {
			t.Fatal(err)
		}
		fromEDN, err := readHistory(strings.NewReader(ednText(rec.events)))
		if err != nil {
			t.Fatal(err)
		}
		want := checkRegisters(t.Context(), rec.ops)
		for _, o := range rec.ops {
			if o.ReturnIndex >= 1000 { // open at the end
				last := rec.events[len(rec.events)-1]
				for i := len(rec.events) - 1; last.Process == nemesisProcess; i-- {
					last = rec.events[i]
				}
				o.Return, o.ReturnIndex = -1, len(rec.events)
			}
		}
		for _, read := range []loaded{fromJSON, fromEDN} {
			for i, o := range read.ops {
				if o.ReturnIndex == len(rec.events) {
					o.Return = -1
				}
				if !reflect.DeepEqual(o, rec.ops[i]) {
					t.Fatalf("operation %d is %+v, was %+v", i, o, rec.ops[i])
				}
			}
			if got := checkRegisters(t.Context(), read.ops); len(read.ops) != len(rec.ops) || !reflect.DeepEqual(got, want) {
				t.Fatalf("%+v, was %+v", got, want)
			}
		}
	})
}

// The two lines of a write, in both notations.
const (
	jsonInvoke = `{"index":0,"time":1000,"process":0,"type":"invoke","f":"write","key":0,"value":1}` + "\n"
	jsonOK     = `{"index":1,"time":2000,"process":0,"type":"ok","f":"write","key":0,"value":1}` + "\n"
	ednInvoke  = "{:type :invoke, :process 0, :f :write, :value [0 1]}\n"
	ednOK      = "{:type :ok, :process 0, :f :write, :value [0 1]}\n"
)

func TestHistoryShapes(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"json":                   jsonInvoke + jsonOK,
		"json, no last line end": jsonInvoke + strings.TrimSpace(jsonOK),
		"json, blank lines":      "\n" + jsonInvoke + "\r\n\n" + jsonOK,
		"json, no index":         strings.ReplaceAll(jsonInvoke+jsonOK, `"index"`, `"place"`),
		"edn":                    ednInvoke + ednOK,
		"edn, one vector":        "[" + ednInvoke + ednOK + "]",
		"edn, one list":          "\n; a history\n(" + ednInvoke + " #_{:dropped 1} " + ednOK + " #_ x) ; end",
		"edn, over lines":        strings.ReplaceAll(ednInvoke+ednOK, " ", "\n"),
		"edn, one line":          strings.ReplaceAll(ednInvoke+ednOK, "\n", ""),
		"edn, records":           "#jepsen.history.Op" + ednInvoke + "#jepsen.history.Op" + ednOK,
		"edn, more fields":       strings.ReplaceAll(ednInvoke+ednOK, "}", `, :node "n1" :x #inst "2020" "y" {:z [1]}}`),
		"edn, nemesis":           `{:type :info, :process :nemesis, :f :start, :value [:isolated {"n1" #{"n2"}}]}` + ednInvoke + ednOK,
	} {
		for _, zipped := range []bool{false, true} {
			var file bytes.Buffer
			var w io.WriteCloser = struct {
				io.Writer
				io.Closer
			}{&file, io.NopCloser(nil)}
			if zipped {
				w = gzip.NewWriter(&file)
			}
			_, _ = io.WriteString(w, text)
			_ = w.Close()
			read, err := readHistory(&file)
			if err != nil || len(read.ops) != 1 || len(read.notes) > 0 {
				t.Errorf("%s: %+v, %v", name, read, err)
				continue
			}
			if o := read.ops[0]; o.F != fWrite || o.Value != "1" || o.Outcome != outcomeOK || o.ReturnIndex != o.InvokeIndex+1 {
				t.Errorf("%s: %+v", name, o)
			}
		}
	}
}

func TestHistoryErrors(t *testing.T) {
	edn := func(fields string) string { return "\n{:process 0 " + fields + "}" }
	for _, c := range []struct {
		text, says string
		line       int
	}{
		{jsonInvoke + "{\n" + jsonOK, "not an event", 2},
		{jsonInvoke + "[1]\n", "not an event", 2},
		{jsonInvoke + `{"type":"ok"}` + "\n", "no process", 2},
		{jsonInvoke + `{"process":0,"type":"ok","f":"write"}` + "\n", "no key", 2},
		{jsonInvoke + jsonInvoke, "not in order", 2},
		{jsonOK, "has not started", 1},
		{jsonInvoke + strings.Replace(jsonOK, `"key":0`, `"key":1`, 1), "another operation on line 1", 2},
		{jsonInvoke + strings.Replace(jsonOK, `"value":1`, `"value":2`, 1), "another operation on line 1", 2},
		{jsonInvoke + strings.Repeat("x", historyFormLimit+1), "longer than", 2},
		{ednInvoke + ednInvoke, "line 1 has not ended", 2},
		{ednInvoke + strings.Replace(ednOK, ":ok", ":okay", 1), `"okay"`, 2},
		{ednInvoke + "\n\n" + strings.Replace(ednOK, ":write", ":txn", 1), `"txn"`, 4},
		{ednInvoke + "(1)", "an event is expected", 2},
		{ednInvoke + "{:type :ok\n :process 0", "begins on line 2", 3},
		{"[\n" + ednInvoke, "the vector that begins on line 1", 3},
		{"\n{:type :ok}", "no :process", 2},
		{edn(":process 1"), "twice", 2},
		{edn(":index :a"), ":index", 2},
		{edn(":f :write :value 3"), "[key value]", 2},
		{edn(`:f :write :value ["a" 3]`), "key", 2},
		{edn(":f :cas :type :invoke :value [0 3]"), "pair", 2},
		{edn(":f :cas :type :invoke :value [0 [1 2 3]]"), "pair", 2},
		{"\x1f\x8bnot gzip", "gzip", 0},
		{"\x89PNG\r\n", "UTF-8", 1},
		{"hello world", "an event is expected", 1},
	} {
		read, err := readHistory(strings.NewReader(c.text))
		at := (*lineError)(nil)
		if errors.As(err, &at) != (c.line > 0) || at != nil && at.line != c.line || err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%.100q: %+v, %v; want line %d, %s", c.text, read, err, c.line, c.says)
		}
	}
}

// TestCutHistory: whatever part of its history a killed bench has written can
// be read, and a note says what is missing.
func TestCutHistory(t *testing.T) {
	t.Parallel()
	text := jsonInvoke + jsonOK
	for size := 3; size <= len(text); size++ {
		read, err := readHistory(strings.NewReader(text[:size]))
		whole := strings.HasSuffix(text[:size], "}") || strings.HasSuffix(text[:size], "\n")
		ended := size >= len(text)-1
		cut := 0
		if !whole {
			cut++
		}
		if size >= len(jsonInvoke)-1 && !ended {
			cut++ // the write has not ended
		}
		if err != nil || len(read.notes) != cut || len(read.ops) == 1 != (size >= len(jsonInvoke)-1) {
			t.Fatalf("%s: %+v, %v", text[:size], read, err)
		}
		if len(read.ops) == 1 && (read.ops[0].Outcome == outcomeOK) != ended {
			t.Fatalf("%s: %+v", text[:size], read.ops[0])
		}
	}
	var file bytes.Buffer
	w := gzip.NewWriter(&file)
	_, _ = io.WriteString(w, text)
	_ = w.Flush() // and no end
	if read, err := readHistory(&file); err != nil || len(read.ops) != 1 || len(read.notes) != 1 || !strings.Contains(read.notes[0], "cut off after line 2") {
		t.Error(read, err)
	}
}

func TestUnknownOutcomesStayUnknown(t *testing.T) {
	t.Parallel()
	read, err := readHistory(strings.NewReader(ednInvoke + strings.Replace(ednOK, ":ok", ":info", 1) + ednInvoke + ednOK +
		"{:type :invoke :process 1 :f :read :value [0 nil]} {:type :fail :process 1 :f :read :value [0 nil] :error [:key-does-not-exist \"x\"]}" +
		"{:type :invoke :process 1 :f :read :value [0 nil]} {:type :fail :process 1 :f :read :value [0 nil] :error [:made-up]}" +
		"{:type :invoke :process 1 :f :read :value [0 nil]}"))
	if err != nil || len(read.ops) != 5 || len(read.notes) != 1 {
		t.Fatal(read, err)
	}
	for i, want := range []struct {
		outcome outcome
		code    int
		end     int
	}{{outcomeInfo, 0, 1}, {outcomeOK, 0, 3}, {outcomeFail, codeNotFound, 5}, {outcomeFail, codeUnknown, 7}, {outcomeInfo, 0, 9}} {
		if o := read.ops[i]; o.Outcome != want.outcome || o.Code != want.code || o.ReturnIndex != want.end {
			t.Errorf("operation %d: %+v, want %+v", i, o, want)
		}
	}
	if _, err := readHistory(strings.NewReader(ednInvoke + strings.Replace(ednOK, ":ok", ":info", 1) + ednOK)); err == nil {
		t.Error("an unknown outcome became known")
	}
}

func TestCodesAreSpelledBack(t *testing.T) {
	t.Parallel()
	refused := strings.Replace(jsonOK, `"ok"`, `"fail","code":14`, 1) // and no name
	if read, err := readHistory(strings.NewReader(jsonInvoke + refused)); err != nil || read.ops[0].Code != 14 {
		t.Error(read, err)
	}
	for code := range codeNames {
		if got := codeOf(codeName(code)); got != code {
			t.Errorf("%s is read as %d, was %d", codeName(code), got, code)
		}
	}
	for name, want := range map[string]int{"": codeNone, "code-77": 77, "code--1": codeUnknown, "code-" + fmt.Sprint(math.MaxInt64): codeUnknown, "x": codeUnknown} {
		if got := codeOf(name); got != want {
			t.Errorf("%s is read as %d, want %d", name, got, want)
		}
	}
}

func FuzzHistory(f *testing.F) {
	for _, text := range []string{jsonInvoke + jsonOK, ednInvoke + ednOK, "[" + ednInvoke + "]", jsonInvoke[:50], ednInvoke + ednOK[:20]} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		read, err := readHistory(bytes.NewReader(text))
		at := (*lineError)(nil)
		if errors.As(err, &at) && (at.line < 1 || at.line > 1+bytes.Count(text, []byte("\n"))) && text[0] != 0x1f {
			t.Fatalf("%v is not in the text", err)
		}
		for _, o := range read.ops {
			if o.InvokeIndex >= o.ReturnIndex || o.Outcome == outcomeOK && o.F == fRead && canonical([]byte(o.Result)) != o.Result {
				t.Fatalf("%+v", o)
			}
		}
	})
}

func TestUnreadableFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	bad := filepath.Join(dir, "history.edn")
	if err := os.WriteFile(bad, []byte(ednInvoke+ednInvoke), 0o600); err != nil {
		t.Fatal(err)
	}
	for path, says := range map[string]string{
		bad:                          bad + ": line 2: process 0 starts",
		dir:                          dir + ": is a directory",
		filepath.Join(dir, "absent"): filepath.Join(dir, "absent") + ": no such file",
	} {
		_, err := Check(t.Context(), CheckOptions{Files: []string{path}}, io.Discard)
		file := (*FileError)(nil)
		if !errors.As(err, &file) || !strings.HasPrefix(err.Error(), says) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%v, want %s", err, says)
		}
	}
	if _, err := Check(t.Context(), CheckOptions{}, io.Discard); err == nil {
		t.Error("no file is no error")
	}
}
