package workbench

import (
	"slices"
	"strings"
	"testing"
)

func TestParseLine(t *testing.T) {
	t.Parallel()
	deep := strings.Repeat("[", 1001) + strings.Repeat("]", 1001)
	long := strings.Repeat("7", 1001)
	for _, c := range []struct {
		line        string
		why, quirky string // part of the complaint, "" if there is none
	}{
		{`{"src":"n0","dest":"c1","body":{"type":"x"}}`, "", ""},
		{` {"id":3,"src":"n0","dest":"c1","body":{}} `, "", ""},
		{``, "blank", "blank"},
		{`   `, "blank", "blank"},
		{`hello`, "not JSON", "not JSON"},
		{`[1]`, "a JSON array", "a JSON array"},
		{`null`, "null", "null"},
		{`{"src":"n0","dest":"c1","body":{}`, "not JSON", "not JSON"},
		{`{"src":"n0","dest":"c1","body":{}} x`, "something follows", ""},
		{`{"src":"n0","dest":"c1","body":{}}{}`, "something follows", ""},
		{`{"src":"n0","dest":"c1"}`, "no body", ""},
		{`{"src":"n0","dest":"c1","body":null}`, "not an object", ""},
		{`{"src":"n0","dest":"c1","body":"x"}`, "not an object", "not an object"},
		{`{"src":"n0","dest":"c1","body":[]}`, "not an object", "not an object"},
		{`{"dest":"c1","body":{}}`, "src is missing", "src is missing"},
		{`{"src":1,"dest":"c1","body":{}}`, "src is missing", "src is missing"},
		{`{"src":"n0","body":{}}`, "dest is missing", "dest is missing"},
		{`{"src":"n0","dest":null,"body":{}}`, "dest is missing", "dest is missing"},
		{`{"src":"n0","dest":"c1","body":{},"time":1}`, `"time"`, `"time"`},
		{`{"Src":"n0","src":"n0","dest":"c1","body":{}}`, `"Src"`, `"Src"`},
		{`{"id":"3","src":"n0","dest":"c1","body":{}}`, "id is not", "id is not"},
		{`{"id":1.5,"src":"n0","dest":"c1","body":{}}`, "id is not", "id is not"},
		{`{"src":"n0","dest":"c1","body":{"v":` + deep + `}}`, "nested", "nested"},
		{`{"src":"n0","dest":"c1","body":{"v":` + long + `}}`, "too long", "too long"},
		{`{"src":"n0","dest":"c1","body":{"v":"` + long + `[[{{\""}}`, "", ""},
		{"{\"src\":\"n0\",\"dest\":\"c1\",\"body\":{\"v\":\"\xff\"}}", "UTF-8", ""},
	} {
		for quirks, want := range map[bool]string{false: c.why, true: c.quirky} {
			m, f := parseLine([]byte(c.line), quirks)
			switch {
			case want == "" && f != nil:
				t.Errorf("quirks %v: %.60s: %s", quirks, c.line, f.why)
			case want == "" && (m.src != "n0" || m.dest != "c1" || len(m.body) == 0):
				t.Errorf("quirks %v: %.60s: %+v", quirks, c.line, m)
			case want != "" && (f == nil || !strings.Contains(f.why, want) || f.asks == ""):
				t.Errorf("quirks %v: %.60s: %+v, want %q", quirks, c.line, f, want)
			}
		}
	}
}

func TestLinesEndAsInJava(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 3*feedBatch)
	var got []string
	readLines(strings.NewReader("a\nb\r\n\nc\rd\n"+long+"\ncut short"), 1<<20, func(line []byte) { got = append(got, string(line)) })
	if want := []string{"a", "b", "", "c", "d", long}; !slices.Equal(got, want) {
		t.Errorf("%.100q", got)
	}
	got = nil
	readLines(strings.NewReader(long+"\nnext\n"), 2*feedBatch, func(line []byte) { got = append(got, string(line)) })
	if len(got) != 2 || len(got[0]) != 2*feedBatch || got[1] != "next" {
		t.Errorf("%d lines", len(got))
	}
}

func TestCanonical(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		` 1 `: "1", `1.0`: "1.0", `{"b":1, "a":[ 2 ]}`: `{"a":[2],"b":1}`, `12345678901234567890`: "12345678901234567890", `x`: "x",
	} {
		if got := canonical([]byte(in)); got != want {
			t.Errorf("%s: %s", in, got)
		}
	}
}

func TestExcerptIsOneLine(t *testing.T) {
	t.Parallel()
	got := excerpt([]byte("a\n\x00\xff" + strings.Repeat("é", 400)))
	if strings.ContainsAny(got, "\n\x00") || !strings.HasPrefix(got, "a\uFFFD\uFFFD\uFFFDé") || !strings.HasSuffix(got, "(804 bytes)") {
		t.Error(got)
	}
}
