package kv

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"
	"unicode/utf8"

	"pgregory.net/rapid"
)

// spelling is one way to write a value, with what the value means: a naive text, equal for equal values and for these only.
type spelling struct{ text, meaning string }

// spellings draws a value from a domain so small that equal values in different spellings are frequent.
func spellings(t *rapid.T, depth int) spelling {
	space := func() string { return rapid.SampledFrom([]string{"", "", " ", "\n\t"}).Draw(t, "space") }
	kinds := 4
	if depth == 0 {
		kinds = 2
	}
	var s spelling
	switch rapid.IntRange(0, kinds).Draw(t, "kind") {
	case 0:
		literal := rapid.SampledFrom([]string{"true", "false", "null"}).Draw(t, "literal")
		s = spelling{literal, literal}
	case 1:
		s = numberSpellings(t)
	case 2:
		s = stringSpellings(t)
	case 3:
		var texts, meanings []string
		for range rapid.IntRange(0, 2).Draw(t, "length") {
			element := spellings(t, depth-1)
			texts, meanings = append(texts, element.text), append(meanings, element.meaning)
		}
		s = spelling{"[" + strings.Join(texts, ",") + space() + "]", fmt.Sprintf("array%q", meanings)}
	default:
		var texts []string
		members := map[string]string{}
		for range rapid.IntRange(0, 3).Draw(t, "length") {
			name, value := stringSpellings(t), spellings(t, depth-1)
			texts = append(texts, space()+name.text+space()+":"+value.text)
			members[name.meaning] = value.meaning
		}
		s = spelling{"{" + strings.Join(texts, ",") + space() + "}", fmt.Sprintf("object%q", members)} // fmt sorts maps
	}
	return spelling{space() + s.text + space(), s.meaning}
}

// numberSpellings means numbers by big.Rat, the exact value.
func numberSpellings(t *rapid.T) spelling {
	text := rapid.SampledFrom([]string{"", "-"}).Draw(t, "sign") +
		rapid.SampledFrom([]string{"0", "1", "10", "100", "15", "1152921504606846976", "1152921504606846977"}).Draw(t, "whole")
	fraction := rapid.SampledFrom([]string{"", "", ".0", ".5", ".50", ".01"}).Draw(t, "fraction")
	exponent := rapid.SampledFrom([]string{"", "", "e0", "E1", "e+02", "e-1", "e-20"}).Draw(t, "exponent")
	kind := "decimal"
	if fraction+exponent == "" {
		kind = "integer"
	}
	text += fraction + exponent
	exact, ok := new(big.Rat).SetString(text)
	if !ok {
		t.Fatalf("big.Rat refuses %s", text)
	}
	return spelling{text, kind + exact.String()}
}

// stringSpellings means strings by their UTF-16 code units, which is how JSON's escapes see them.
func stringSpellings(t *rapid.T) spelling {
	units := rapid.SliceOfN(rapid.SampledFrom([]uint16{'a', 'b', '"', '\\', '/', '\n', 0, 0xe9, 0xd83d, 0xde00, 0xfffd}), 0, 3).Draw(t, "units")
	var text strings.Builder
	for i := 0; i < len(units); i++ {
		unit := rune(units[i])
		size := 1
		if i+1 < len(units) {
			if pair := utf16.DecodeRune(unit, rune(units[i+1])); pair != utf8.RuneError {
				unit, size = pair, 2
			}
		}
		plain := unit >= ' ' && unit != '"' && unit != '\\' && !utf16.IsSurrogate(unit)
		switch {
		case plain && rapid.Bool().Draw(t, "plain"):
			text.WriteRune(unit)
			i += size - 1
		case unit == '\n' && rapid.Bool().Draw(t, "short"):
			text.WriteString(`\n`)
		case strings.ContainsRune(`"\/`, unit) && rapid.Bool().Draw(t, "short"):
			text.WriteString(`\` + string(unit))
		default:
			fmt.Fprintf(&text, rapid.SampledFrom([]string{`\u%04x`, `\u%04X`}).Draw(t, "hex"), units[i])
		}
	}
	return spelling{`"` + text.String() + `"`, fmt.Sprintf("string%v", units)}
}

// TestEqualityIsEqualMeaning: two texts have one canonical form exactly if they mean the same.
func TestEqualityIsEqualMeaning(t *testing.T) {
	byMeaning, byCanonical := map[string]string{}, map[string]string{}
	equal := 0
	rapid.Check(t, func(t *rapid.T) {
		for range 20 {
			s := spellings(t, 3)
			v, err := ParseValue([]byte(s.text))
			if err != nil {
				t.Fatalf("%s: %v", s.text, err)
			}
			canon := v.Canonical()
			if other, seen := byMeaning[s.meaning]; seen {
				equal++
				if other != canon {
					t.Fatalf("%s: canonical form %s, and %s for another spelling", s.text, canon, other)
				}
			}
			if other, seen := byCanonical[canon]; seen && other != s.meaning {
				t.Fatalf("%s: canonical form %s is also that of %s, not only of %s", s.text, canon, other, s.meaning)
			}
			byMeaning[s.meaning], byCanonical[canon] = canon, s.meaning
			if again, err := ParseValue([]byte(canon)); err != nil || again.Canonical() != canon {
				t.Fatalf("%s: canonical form %s is not canonical: %v", s.text, canon, err)
			}
			if again, err := ParseValue([]byte(v.String())); err != nil || again != v {
				t.Fatalf("%s: %s does not read back as itself: %v", s.text, v, err)
			}
		}
	})
	if equal == 0 {
		t.Error("no two spellings of one value were drawn")
	}
}

// drawCommand draws a command, one in ten of them without sense.
func drawCommand(t *rapid.T) Command {
	value := func(label string) Value {
		text := rapid.SampledFrom([]string{"1", "1.0", "10e-1", "-0", "0", `"\u0061"`, `"a"`, "null", `{"b":1,"a":[ ]}`, `{"a":[],"b":1}`, ""}).Draw(t, label)
		v, _ := ParseValue([]byte(text)) // "": the zero Value
		return v
	}
	return Command{
		Op:                rapid.SampledFrom([]Op{Read, Write, Write, CAS, CAS, CAS, "delete"}).Draw(t, "op"),
		Key:               value("key"),
		Value:             value("value"),
		From:              value("from"),
		To:                value("to"),
		CreateIfNotExists: rapid.Bool().Draw(t, "create"),
	}
}

// naiveApply is lin-kv in its most literal form: a list of pairs.
func naiveApply(pairs *[][2]Value, c Command) Result {
	unset := func(vs ...Value) bool { return slices.ContainsFunc(vs, Value.IsZero) }
	at := slices.IndexFunc(*pairs, func(p [2]Value) bool { return p[0].Equal(c.Key) })
	set := func(v Value) Result {
		if at < 0 {
			*pairs = append(*pairs, [2]Value{c.Key, v})
		} else {
			(*pairs)[at][1] = v
		}
		return Result{Status: OK}
	}
	switch {
	case c.Op == Read && !unset(c.Key):
		if at < 0 {
			return Result{Status: KeyMissing}
		}
		return Result{Status: OK, Value: (*pairs)[at][1]}
	case c.Op == Write && !unset(c.Key, c.Value):
		return set(c.Value)
	case c.Op == CAS && !unset(c.Key, c.From, c.To):
		if at < 0 && c.CreateIfNotExists {
			return set(c.To)
		}
		if at < 0 {
			return Result{Status: KeyMissing}
		}
		if !(*pairs)[at][1].Equal(c.From) {
			return Result{Status: Mismatch}
		}
		return set(c.To)
	}
	return Result{Status: Invalid}
}

func TestStoreAgainstNaiveModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		store, viaJSON := New(), New()
		var model [][2]Value
		captures := map[string]func() []byte{}
		for range rapid.IntRange(0, 30).Draw(t, "commands") {
			c := drawCommand(t)
			before := string(store.Snapshot())
			captures[before] = store.Capture()
			query, want := store.Query(c), naiveApply(&model, c)
			if string(store.Snapshot()) != before {
				t.Fatalf("%+v changed the state when queried", c)
			}
			if got := store.Apply(c); got != want || query != want {
				t.Fatalf("%+v: applied %+v, queried %+v, want %+v", c, got, query, want)
			}
			if got := viaJSON.Apply(throughJSON(t, c)); throughJSON(t, got) != throughJSON(t, want) {
				t.Fatalf("%+v: %+v after a way through JSON, want %+v", c, got, want)
			}
		}
		for want, write := range captures {
			if got := write(); string(got) != want {
				t.Fatalf("written later: %s, want %s", got, want)
			}
		}
		if store.Len() != len(model) || store.Hash() != viaJSON.Hash() {
			t.Fatalf("%d keys, want %d; hashes %x, %x", store.Len(), len(model), store.Hash(), viaJSON.Hash())
		}
		restored := New()
		restored.Apply(Command{Op: Write, Key: Value{"7", "7"}, Value: Value{"7", "7"}})
		if err := restored.Restore(store.Snapshot()); err != nil {
			t.Fatal(err)
		}
		if restored.Hash() != store.Hash() || string(restored.Snapshot()) != string(store.Snapshot()) {
			t.Fatalf("restored %s, want %s", restored.Snapshot(), store.Snapshot())
		}
	})
}

// throughJSON sends x the way that commands travel.
func throughJSON[T comparable](t *rapid.T, x T) T {
	b, err := json.Marshal(x)
	var back T
	if err = errors.Join(err, json.Unmarshal(b, &back)); err != nil || back != x {
		t.Fatalf("%+v came back from %s as %+v: %v", x, b, back, err)
	}
	return back
}

// FuzzParseValue: what is valid for encoding/json, UTF-8 and within the limits is accepted, and nothing else.
func FuzzParseValue(f *testing.F) {
	for _, seed := range []string{
		"", "-0", "1.50e-1", `"\ud83d\ude00\ud83d"`, `{"b":[1,{}],"a":"\u0041","a":null}`, "[[[", "01", "\"\xff\"", " [ 1 , 2 ] ", `{"a":}`,
		strings.Repeat("[", MaxDepth+1) + strings.Repeat("]", MaxDepth+1), strings.Repeat("1", MaxDigits+1), "1e" + strings.Repeat("9", MaxDigits-1),
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		v, err := ParseValue(text)
		excess := errors.Is(err, ErrTooDeep) || errors.Is(err, ErrNumberTooLong)
		if valid := json.Valid(text) && utf8.Valid(text); !excess && (err == nil) != valid {
			t.Fatalf("%q: %v, but encoding/json says %v", text, err, valid)
		}
		if err != nil {
			return
		}
		if again, err := ParseValue([]byte(v.String())); err != nil || again != v {
			t.Fatalf("%q: %s does not read back as itself: %v", text, v, err)
		}
		if again, err := parseUnlimited([]byte(v.Canonical())); err != nil || again.Canonical() != v.Canonical() {
			t.Fatalf("%q: canonical form %s is not its own: %v", text, v.Canonical(), err)
		}
	})
}

// FuzzRestore: whatever is accepted is what Snapshot writes.
func FuzzRestore(f *testing.F) {
	for _, seed := range []string{"", "null", "[]", "[[1,2]]", `[["a",{"b":1.50}],[1,null]]`, "[[1,2],[1,3]]", "[[1]]", "[[1.0,2]]"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, snapshot []byte) {
		s := New()
		if err := s.Restore(snapshot); err == nil && string(s.Snapshot()) != string(snapshot) {
			t.Fatalf("%q accepted as %q", snapshot, s.Snapshot())
		} else if err != nil && s.Len() != 0 {
			t.Fatalf("%q refused, but the state changed", snapshot)
		}
	})
}
