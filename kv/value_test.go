package kv

import (
	"encoding/json"
	"errors"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

// parse is ParseValue for texts that are known to be good.
func parse(t testing.TB, text string) Value {
	t.Helper()
	v, err := ParseValue([]byte(text))
	if err != nil {
		t.Fatalf("ParseValue(%.80q): %v", text, err)
	}
	return v
}

func TestCanonicalForm(t *testing.T) {
	for text, want := range map[string]string{
		// Integers are exact, at any length, and an integer is not a decimal.
		`0`: `0`, `-0`: `0`, `7`: `7`, ` 12	`: `12`, `-12`: `-12`,
		`1152921504606846977`:                `1152921504606846977`,
		`-123456789012345678901234567890123`: `-123456789012345678901234567890123`,
		// Decimals have an exponent and no zeros around their digits.
		`1.0`: `1e0`, `1e0`: `1e0`, `-1E+2`: `-1e2`, `100.0`: `1e2`, `1.50`: `15e-1`, `15e-1`: `15e-1`, `0.0010`: `1e-3`, `10.01`: `1001e-2`,
		`0.0`: `0e0`, `-0.0`: `0e0`, `0e99`: `0e0`, `0.00e-7`: `0e0`, `1e-00`: `1e0`, `0.1e1`: `1e0`, `1e0000000000000000000000005`: `1e5`,
		`1e999999999`: `1e999999999`, `12.3e99999999999999999999`: `123e99999999999999999998`, `0.1e-99999999999999999999`: `1e-100000000000000000000`,
		// Strings are their decoded text.
		`""`: `""`, `"a b"`: `"a b"`, `"\u0041\/"`: `"A/"`, `"\"\\"`: `"\"\\"`, `"\b\f\n\r\t\u001F"`: `"\u0008\u000c\u000a\u000d\u0009\u001f"`,
		`"\u00e9"`: `"é"`, `"\u007f"`: "\"\x7f\"", `"\u2028<\u003c"`: "\"\u2028<<\"", `"\uD83D\uDE00"`: `"😀"`, `"\uffff"`: "\"\uffff\"",
		// Half a surrogate pair is neither another half nor U+FFFD, and pairs are made from the left.
		`"\ud83d"`: `"\ud83d"`, `"\uDE00"`: `"\ude00"`, `"\ufffd"`: `"�"`, `"\ud83d\u0041"`: `"\ud83dA"`, `"\ud83d\n"`: `"\ud83d\u000a"`,
		`"\ud83d\ud83d\ude00"`: `"\ud83d😀"`, `"\ude00\ud83d"`: `"\ude00\ud83d"`, `"\ud83dx\ude00"`: `"\ud83dx\ude00"`,
		// The rest.
		`true`: `true`, `false`: `false`, ` null `: `null`, `[ ]`: `[]`, `{ }`: `{}`, `[1 , [2.0,"a"] ,{ } ]`: `[1,[2e0,"a"],{}]`,
		`{"b":1,"a":{"d":2,"c":[]}}`:          `{"a":{"c":[],"d":2},"b":1}`,
		`{"a":1,"b":2,"\u0061":3,"b":4}`:      `{"a":3,"b":4}`,
		`{"a\"":1,"":[{"x":"]}"},"\\\""]}`:    `{"":[{"x":"]}"},"\\\""],"a\"":1}`,
		`{"k":{"z":1,"z":{"y":true,"x":-0}}}`: `{"k":{"z":{"x":0,"y":true}}}`,
	} {
		v := parse(t, text)
		if v.Canonical() != want {
			t.Errorf("%s: canonical form %s, want %s", text, v.Canonical(), want)
		}
		if again := parse(t, want); again.Canonical() != want || !again.Equal(v) {
			t.Errorf("%s: canonical form %s is not its own, but %s", text, want, again.Canonical())
		}
	}
}

func TestValueIsEchoedAsItCame(t *testing.T) {
	for text, want := range map[string]string{
		` { "b" : 1.50 , "a":"\u0041 <" } `: `{"b":1.50,"a":"\u0041 <"}`,
		`1152921504606846977`:               `1152921504606846977`,
		"\r\n[ 1e5,\t-0 ]":                  `[1e5,-0]`,
		`{"a":1,"a":2}`:                     `{"a":1,"a":2}`,
	} {
		v := parse(t, text)
		if v.String() != want {
			t.Errorf("String() = %s, want %s", v, want)
		}
		if b, err := v.MarshalJSON(); err != nil || string(b) != want {
			t.Errorf("MarshalJSON() = %s, %v, want %s", b, err, want)
		}
	}
}

func TestZeroValue(t *testing.T) {
	var zero Value
	null := parse(t, "null")
	if !zero.IsZero() || null.IsZero() || zero.Equal(null) || zero.Canonical() != "" {
		t.Error("the zero Value must differ from null")
	}
	if b, err := json.Marshal(zero); err != nil || string(b) != "null" {
		t.Errorf("zero Value as JSON: %s, %v", b, err)
	}
}

func TestValueRefused(t *testing.T) {
	syntax := []string{
		"", " ", "nul", "nulll", "True", "NaN", "Infinity", "-", "+1", "01", "-01", "00", "1.", ".5", "1e", "1e+", "0x10", "1_000", "1 2", "'a'", `"a`,
		`"\x"`, `"\u12"`, `"\ud83d`, "\"\n\"", "\"\x00\"", "[", "]", "[1", "[1,]", "[,1]", "{", `{"a"}`, `{"a":}`, `{"a":1,}`, "{1:2}", "[}", "// x\n1",
		"\ufeff1", "1,", "[1]]", "12345678901234567890a", "\x00",
	}
	for _, text := range syntax {
		var want *json.SyntaxError
		if _, err := ParseValue([]byte(text)); !errors.As(err, &want) {
			t.Errorf("ParseValue(%q): %v, want a syntax error", text, err)
		}
	}
	for _, text := range []string{"\"\xff\"", "\"\xed\xa0\xbd\"", "\"\xc0\xaf\"", "[\"a\", \"\xf4\x90\x80\x80\"]", "\xff"} {
		if _, err := ParseValue([]byte(text)); !errors.Is(err, ErrInvalidUTF8) {
			t.Errorf("ParseValue(%q): %v, want %v", text, err, ErrInvalidUTF8)
		}
	}
	var v Value
	if err := json.Unmarshal([]byte(`["`+"\xff"+`"]`), &v); !errors.Is(err, ErrInvalidUTF8) || !v.IsZero() {
		t.Errorf("UnmarshalJSON: %v, %v", v, err)
	}
}

func TestLimits(t *testing.T) {
	nested := func(open, inner, closing string, depth int) string {
		return strings.Repeat(open, depth) + inner + strings.Repeat(closing, depth)
	}
	digits := func(n int) string { return strings.Repeat("9", n) }
	for _, test := range []struct {
		text string
		want error
	}{
		{nested("[", "1", "]", MaxDepth), nil},
		{nested("[", "1", "]", MaxDepth+1), ErrTooDeep},
		{nested(`{"a":`, "{}", "}", MaxDepth-1), nil},
		{nested(`{"a":`, "{}", "}", MaxDepth), ErrTooDeep},
		{"[" + nested("[", "", "]", MaxDepth-1) + "," + nested("[", "", "]", MaxDepth-1) + "]", nil},
		{`"` + strings.Repeat("[", MaxDepth+1) + `"`, nil},
		{`"\"` + strings.Repeat("{", MaxDepth+1) + `"`, nil},
		{digits(MaxDigits), nil},
		{digits(MaxDigits + 1), ErrNumberTooLong},
		{"-1." + digits(MaxDigits-2) + "e+1", nil},
		{"-1." + digits(MaxDigits-1) + "e+1", ErrNumberTooLong},
		{"1e" + digits(MaxDigits), ErrNumberTooLong},
		{`[` + digits(400) + `,` + digits(400) + `]`, nil},
		{`{"a":` + digits(400) + `,"b":[` + digits(400) + `],"c":` + digits(400) + `}`, nil},
		{`{"a":[[` + digits(400) + `], "` + digits(400) + `"]}`, nil},
		{`"` + digits(MaxDigits+1) + `"`, nil},
	} {
		if _, err := ParseValue([]byte(test.text)); !errors.Is(err, test.want) {
			t.Errorf("%.60s... (%d bytes): %v, want %v", test.text, len(test.text), err, test.want)
		}
	}
}

// TestHostileTextsAreCheap: none of these may blow the stack, fill the memory or take quadratic time. Each takes milliseconds; the
// limit only tells linear from quadratic.
func TestHostileTextsAreCheap(t *testing.T) {
	const size = 1 << 18
	shuffled := make([]string, size/16)
	for i := range shuffled {
		shuffled[i] = `"` + time.Duration(i).String() + `":1`
	}
	rand.New(rand.NewPCG(1, 2)).Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
	for name, text := range map[string]string{
		"10,000 deep":       strings.Repeat("[", 10_000) + strings.Repeat("]", 10_000),
		"endless arrays":    strings.Repeat("[", 16*size),
		"endless objects":   strings.Repeat(`{"a":`, size),
		"endless digits":    strings.Repeat("9", size),
		"absurd exponent":   "[1e" + strings.Repeat("9", MaxDigits-1) + ",1e999999999,-0.1e-999999999]",
		"large string":      `"` + strings.Repeat(`\u00e9`, size/6) + `"`,
		"one name":          "{" + strings.Repeat(`"a":1,`, size/6) + `"a":2}`,
		"many names":        "{" + strings.Join(shuffled, ",") + "}",
		"unsorted, nested":  strings.Repeat(`{"b":1,"a":`, MaxDepth-1) + `"` + strings.Repeat("x", size) + `"` + strings.Repeat("}", MaxDepth-1),
		"many long numbers": "[" + strings.Repeat(strings.Repeat("1", MaxDigits-2)+".5,", size/MaxDigits) + "1]",
	} {
		start := time.Now()
		_, _ = ParseValue([]byte(text))
		if took := time.Since(start); took > 2*time.Second {
			t.Errorf("%s took %v", name, took)
		}
	}
}

func TestAllocations(t *testing.T) {
	for text, limit := range map[string]float64{`3`: 1, `1234567`: 1, `"some key"`: 1, `-17`: 4, `{"b":[1,2],"a":"x"}`: 16} {
		b := []byte(text)
		if n := testing.AllocsPerRun(100, func() { _, _ = ParseValue(b) }); n > limit {
			t.Errorf("ParseValue(%s): %v allocations, limit %v", text, n, limit)
		}
	}
	s := New()
	set := Command{Op: Write, Key: parse(t, "1"), Value: parse(t, "2")}
	cas := Command{Op: CAS, Key: parse(t, "1"), From: parse(t, "2"), To: parse(t, "2")}
	s.Apply(set)
	if n := testing.AllocsPerRun(100, func() { s.Apply(set); s.Apply(cas); s.Query(set); Digest(cas); s.Hash() }); n > 0 {
		t.Errorf("Apply, Query, Digest, Hash: %v allocations", n)
	}
}

func BenchmarkParseValue(b *testing.B) {
	for _, text := range []string{`3`, `-1.50e3`, `"key"`, `{"b":[1,2,3],"a":"\u0041"}`} {
		b.Run(text, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				_, _ = ParseValue([]byte(text))
			}
		})
	}
}
