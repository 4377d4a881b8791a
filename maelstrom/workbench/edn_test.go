package workbench

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// readForms reads all forms of a text.
func readForms(text string) ([]any, error) {
	d := newEDNReader(bufio.NewReader(strings.NewReader(text)))
	var forms []any
	for {
		v, err := d.read()
		if err == io.EOF {
			return forms, nil
		}
		if err != nil {
			return forms, err
		}
		forms = append(forms, v)
	}
}

func TestEDNForms(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ text, json string }{
		{`nil true false`, `[null,true,false]`},
		{`0 -0 +7 42 -42 123456789012345678901234567890N`, `[0,-0,7,42,-42,123456789012345678901234567890]`},
		{`1.5 -1.5e3 2E-7 1.25M 3M`, `[1.5,-1.5e3,2E-7,1.25,3]`},
		{`"" "a\tb\\\"\n" "é\u00e9\ud83d\ude00" "{[(;#"`, `["","a\tb\\\"\n","éé😀","{[(;#"]`},
		{"\"two\nlines\"", `["two\nlines"]`},
		{`:a :a/b :net-timeout :*+!-_?$%&=<>`, `[":a",":a/b",":net-timeout",":*+!-_?$%\u0026=\u003c\u003e"]`},
		{`sym a.b/c + - -> .x`, `[{"#symbol":"sym"},{"#symbol":"a.b/c"},{"#symbol":"+"},{"#symbol":"-"},{"#symbol":"-\u003e"},{"#symbol":".x"}]`},
		{`\a \newline \( \u00e9 \" \é`, `[{"#char":"a"},{"#char":"\n"},{"#char":"("},{"#char":"é"},{"#char":"\""},{"#char":"é"}]`},
		{`[] () #{} {}`, `[[],[],{"#set":[]},{}]`},
		{`[1[2(3)]4]`, `[[1,[2,[3]],4]]`},
		{`#{3 1 2} #{"b" :a}`, `[{"#set":[1,2,3]},{"#set":[":a","b"]}]`},
		{`{:b 1, "a" 2}`, `[{":b":1,"a":2}]`},
		{`{:b 1, "a" 2 3 [4]}`, `[{"#map":[[":b",1],["a",2],[3,[4]]]}]`},
		{
			strings.Repeat("{", ednMaxNesting) + "1" + strings.Repeat(" 2}", ednMaxNesting),
			"[" + strings.Repeat(`{"#map":[[`, ednMaxNesting) + "1" + strings.Repeat(`,2]]}`, ednMaxNesting) + "]",
		},
		{`#inst "2020" #my/tag [1] ##Inf`, `[{"#inst":"2020"},{"#my/tag":[1]},{"#symbol":"##Inf"}]`},
		{`1,,2 , 3`, `[1,2,3]`},
		{"1 ; two ] 3\n4;", `[1,4]`},
		{`#_ 1 2 [#_(a b) 3 #_ #_ 4 5] #_6`, `[2,[3]]`},
		{"\t\r\n\f ", `[]`},
	} {
		forms, err := readForms(c.text)
		if got := ednJSON(ednList(forms)); err != nil || got != c.json {
			t.Errorf("%s is %s, %v; want %s", c.text, got, err, c.json)
		}
	}
}

func TestEDNErrors(t *testing.T) {
	for _, c := range []struct {
		text, says string
		line       int
	}{
		{"1\n2\n]", "closes nothing", 3},
		{"[1\n)", "closes nothing", 2},
		{"1\n[2\n3", "ends in the middle of a form that begins on line 2", 3},
		{"{:a}", "without a value", 1},
		{"\n\"abc", "ends in the middle", 2},
		{`"\x"`, "escape", 1},
		{`"\ud8"`, "escape", 1},
		{"\"\xff\"", "UTF-8", 1},
		{":\xff", "UTF-8", 1},
		{"007", "not EDN", 1},
		{"1.", "not EDN", 1},
		{"1.5N", "not EDN", 1},
		{"1/2", "not EDN", 1},
		{"+-1", "not EDN", 1},
		{"-1x", "not EDN", 1},
		{":", "not EDN", 1},
		{"::a", "not EDN", 1},
		{":1", "not EDN", 1},
		{"'a", "not EDN", 1},
		{"^a", "not EDN", 1},
		{`\abc`, "no character", 1},
		{`\`, "ends in the middle", 1},
		{"#", "ends in the middle", 1},
		{"#tag", "ends in the middle", 1},
		{`#"x"`, "cannot follow #", 1},
		{"#[1]", "cannot follow #", 1},
		{"# a", "cannot follow #", 1},
		{"[#_]", "closes nothing", 1},
		{strings.Repeat("[", ednMaxNesting+2), "nested", 1},
		{strings.Repeat("#_", 1_000_000), "nested", 1},
		{strings.Repeat("#a ", 1_000_000), "nested", 1},
		{`"` + strings.Repeat("x", historyFormLimit), "longer than", 1},
	} {
		_, err := readForms(c.text)
		at := (*lineError)(nil)
		if !errors.As(err, &at) || at.line != c.line || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%.40q: %v; want line %d, %s", c.text, err, c.line, c.says)
		}
	}
}

// drawForm draws a form and a spelling of it.
func drawForm(t *rapid.T, depth int) (any, string) {
	kinds := 7
	if depth > 0 {
		kinds = 12
	}
	name := rapid.StringMatching(`[a-z*!_?][a-z0-9/.#:-]{0,5}`)
	switch rapid.IntRange(0, kinds-1).Draw(t, "kind") {
	case 0:
		v := rapid.SampledFrom([]any{nil, true, false}).Draw(t, "constant")
		return v, map[any]string{nil: "nil", true: "true", false: "false"}[v]
	case 1:
		n := strconv.Itoa(rapid.Int().Draw(t, "integer"))
		return ednNumber(n), n + rapid.SampledFrom([]string{"", "N"}).Draw(t, "big")
	case 2:
		n := strconv.FormatFloat(rapid.Float64Range(-1e9, 1e9).Draw(t, "float"), 'f', 3, 64)
		return ednNumber(n), n
	case 3:
		s := rapid.String().Draw(t, "string")
		return s, `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
	case 4:
		k := name.Draw(t, "keyword")
		return ednKeyword(k), ":" + k
	case 5:
		s := "s" + name.Draw(t, "symbol")
		return ednSymbol(s), s
	case 6:
		r := rapid.RuneFrom([]rune(`ab(]";\é😀`)).Draw(t, "char")
		return ednChar(r), `\` + string(r)
	case 7:
		v, text := drawForm(t, depth-1)
		tag := "t" + name.Draw(t, "tag")
		return ednTagged{tag, v}, "#" + tag + drawBlank(t) + text
	}
	return drawCollection(t, depth)
}

func drawCollection(t *rapid.T, depth int) (any, string) {
	items, text := ednList{}, drawBlank(t)
	size := rapid.IntRange(0, 2).Draw(t, "size") * 2
	for range size {
		v, word := drawForm(t, depth-1)
		items, text = append(items, v), text+word+drawBlank(t)
	}
	switch rapid.IntRange(0, 3).Draw(t, "collection") {
	case 0:
		return items, "[" + text + "]"
	case 1:
		return items, "(" + text + ")"
	case 2:
		return ednSet(items), "#{" + text + "}"
	}
	m := ednMap{}
	for i := 0; i < size; i += 2 {
		m = append(m, ednPair{items[i], items[i+1]})
	}
	return m, "{" + text + "}"
}

func drawBlank(t *rapid.T) string {
	return rapid.SampledFrom([]string{" ", ",", "\n", " ; ]}) comment\n", " #_{:dropped (form)} ", "\t, "}).Draw(t, "blank")
}

// TestEDNReadsWhatIsSpelled: every spelling of forms is read as these forms,
// and equal forms have equal JSON.
func TestEDNReadsWhatIsSpelled(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var want []any
		text := ""
		for range rapid.IntRange(0, 4).Draw(t, "forms") {
			v, word := drawForm(t, 3)
			want, text = append(want, v), text+word+drawBlank(t)
		}
		got, err := readForms(text)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Fatalf("%s is %#v, %v; want %#v", text, got, err, want)
		}
		if fmt.Sprint(ednJSON(ednList(got))) != ednJSON(ednList(want)) {
			t.Fatal("two spellings in JSON")
		}
	})
}

func FuzzEDN(f *testing.F) {
	for _, text := range []string{
		`{:index 0, :time 35545796, :type :invoke, :process 6, :f :write, :value [1 3]}`,
		`#{"a" \b nil} #_ #inst "x" ##Inf (1 2.5M) ; c`, `"\ud83d\ude00`, "[[[",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		forms, err := readForms(text)
		at := (*lineError)(nil)
		if err != nil && (!errors.As(err, &at) || at.line < 1 || at.line > 1+strings.Count(text, "\n")) {
			t.Fatalf("%v has no line of the text", err)
		}
		for _, v := range forms {
			if json := ednJSON(v); canonical([]byte(json)) != json {
				t.Fatalf("%s is not canonical JSON", json)
			}
		}
	})
}
