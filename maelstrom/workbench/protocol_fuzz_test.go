package workbench

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"
)

// FuzzParseLine: what is taken in is an envelope for encoding/json as well, and says the same there; and with quirks nothing is refused
// that is taken in without.
func FuzzParseLine(f *testing.F) {
	for _, line := range []string{
		`{"src":"n0","dest":"c1","body":{"type":"x"}}`, ` {"id":3,"src":"n0","dest":"c1","body":{}} `, `{"src":"n0","dest":"c1","body":{}} x`,
		`{"src":"n0","dest":"c1","body":null}`, `{"Src":"n0","src":"n0","dest":"c1","body":{}}`, `{"src":"\u006e","dest":"","body":{"type":null}}`,
		"{\"src\":\"n0\",\"dest\":\"c1\",\"body\":{\"v\":\"\xff\"}}", `[1]`, "", strings.Repeat("[", maxNesting+1),
	} {
		f.Add([]byte(line))
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		before := bytes.Clone(line)
		m, fault := parseLine(line, false)
		if !bytes.Equal(before, line) {
			t.Fatalf("%q was changed to %q", before, line)
		}
		quirky, mild := parseLine(line, true)
		if fault != nil {
			if fault.why == "" || fault.asks == "" {
				t.Fatalf("%q is refused without a word", line)
			}
			return
		}
		if mild != nil || quirky.src != m.src || quirky.dest != m.dest || !bytes.Equal(quirky.body, m.body) {
			t.Fatalf("%q is %+v, but with quirks %+v, %+v", line, m, quirky, mild)
		}
		var plain map[string]any
		if err := json.Unmarshal(line, &plain); err != nil || !utf8.Valid(line) {
			t.Fatalf("%q was taken in: %v", line, err)
		}
		body, isObject := plain["body"].(map[string]any)
		if !isObject || plain["src"] != m.src || plain["dest"] != m.dest || !json.Valid(m.body) {
			t.Fatalf("%q was taken in as %+v", line, m)
		}
		if kind, named := body["type"].(string); named && kind != m.kind {
			t.Fatalf("%q has type %q, not %q", line, kind, m.kind)
		}
	})
}

// FuzzOptions: no text makes an option panic, and what is valid is a number of threads that the workload can use.
func FuzzOptions(f *testing.F) {
	for _, text := range []string{"4n", "10", "n", "-1n", "9223372036854775807n", "1e3", "", "２n"} {
		f.Add(text, "partition,kill", "a,b", "total", 1.0)
	}
	f.Add("2n", "none", "", "0.5", 0.0)
	f.Fuzz(func(t *testing.T, concurrency, nemesis, nodes, availability string, rate float64) {
		o := DefaultOptions()
		o.Concurrency, o.Nemesis, o.Availability, o.Rate = concurrency, nemesis, availability, rate
		if nodes != "" {
			o.Nodes = strings.Split(nodes, ",")
		}
		if err := o.Validate(); err != nil {
			if strings.Contains(err.Error(), "\n") {
				t.Fatalf("more than one line: %v", err)
			}
			return
		}
		threads, err := o.threads()
		share, shareErr := o.leastOK()
		if err != nil || threads < 1 || threads > maxThreads || threads%(2*len(o.nodeNames())) != 0 {
			t.Fatalf("%q is %d threads for %d nodes, %v", concurrency, threads, len(o.nodeNames()), err)
		}
		if shareErr != nil || share < 0 || share > 1 || rate < 0 || rate > maxRate {
			t.Fatalf("availability %q is %v, %v; rate %v", availability, share, shareErr, rate)
		}
	})
}
