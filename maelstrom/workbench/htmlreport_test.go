package workbench

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"html"
	"io"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"
)

// hostile ends a script and starts another wherever it is not escaped.
const hostile = `"'</script><script>alert(1)</script><img src=x onerror=alert(2)>`

// sections are the ids that every page has.
var sections = []string{"run", "figures", "latency", "throughput", "nodes", "phases", "lamport", "types", "curves", "quantiles", "faults", "data"}

// madeUp is a story of n operations, twenty a second, with two faults. Some of
// it is hostile.
func madeUp(n int) story {
	nodes := nodeNames(5)
	end := time.Duration(n) * 50 * time.Millisecond
	cut := split(nodes[:2], nodes[2:])
	s := story{nodes: nodes, end: end, asked: DefaultOptions(), result: Result{Verdict: Invalid, Official: Valid, Strict: Invalid, Options: DefaultOptions()}}
	s.record.phases = []phase{{}, {At: end / 4, Kind: kindMajority, Grudge: cut, Leader: "n0"}, {At: end / 2}, {At: 3 * end / 4, Kind: hostile, Grudge: cut}}
	for i := range n {
		o := &op{Node: nodes[i%5], F: []string{fRead, fWrite, fCAS}[i%3], Process: i % 10, Value: "null", Outcome: outcomeOK, Key: i / 2000}
		o.Invoke = time.Duration(i) * 50 * time.Millisecond
		o.Return = o.Invoke + time.Duration(1+i%40)*time.Millisecond
		o.InvokeIndex, o.ReturnIndex = 2*i, 2*i+1
		switch {
		case o.F == fCAS:
			o.Value, o.Outcome, o.Code = "[1,2]", outcomeFail, codePrecondition
		case i%50 == 0:
			o.Outcome, o.Code = outcomeInfo, codeTimeout
		case o.F == fRead:
			o.Result = hostile + strings.Repeat("long ", 200)
		}
		s.record.ops = append(s.record.ops, o)
	}
	for at := time.Duration(0); at < end; at += watchPeriod {
		s.samples = append(s.samples, sample{At: at, Node: "n1", Role: "leader", Term: int64(1 + at/end/2)}, sample{At: at, Node: "n2", Role: hostile})
	}
	s.eras = newEras(nodes, nil)
	s.servable = newServability(s.asked, nodes, s.record.phases, s.eras)
	m := measurement{opts: s.asked, nodes: nodes, workload: linKV{}, record: s.record, eras: s.eras, samples: s.samples, late: &lateness{}, end: end}
	m.net.ServersByType = map[string]int{hostile: 7, "append": 30}
	s.result.Figures = m.figures(s.servable)
	s.result.Reasons = []string{hostile}
	s.result.ViolationCount = 1
	s.result.Violations = []*Violation{{Node: "n0", Line: hostile, Why: hostile, Asks: askLine, At: end / 3}}
	s.result.Explanation = &Explanation{Words: []string{"key 0:", hostile, "no order explains it"}}
	s.picture = "<html><script>" + hostile + "</script></html>"
	var lines strings.Builder
	body, _ := json.Marshal(map[string]string{"type": hostile, "text": strings.Repeat("body ", 100)}) // strings always marshal
	for k, around := range []time.Duration{0, end / 4, end / 3, 3 * end / 4} {
		for i := range 1500 {
			sent := around + time.Duration(i)*2*time.Millisecond
			fmt.Fprintf(&lines, `{"id":%d,"src":"n%d","dest":"n%d","type":"append","sent_ns":%d,"received_ns":%d,"body":%s}`+"\n",
				1500*k+i, i%5, (i+1)%5, sent, sent+10, body)
		}
	}
	lines.WriteString(`{"note":"all of them"}` + "\n")
	s.messages = strings.NewReader(lines.String())
	return s
}

func pageText(t *testing.T, s story) string {
	t.Helper()
	var b bytes.Buffer
	if err := writePage(&b, s); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestPageIsSafeAndSelfContained: nothing that a node says becomes markup, and
// nothing is fetched from anywhere.
func TestPageIsSafeAndSelfContained(t *testing.T) {
	t.Parallel()
	text := pageText(t, madeUp(400))
	checkPage(t, text)
	for _, id := range append([]string{"wrong"}, sections...) {
		if !strings.Contains(text, `id="`+id+`"`) {
			t.Errorf("there is no section %s", id)
		}
	}
	for _, says := range []string{
		"<h1>Invalid</h1>", "srcdoc=", "maelraft test", "Served of servable", "n0 n1 | n2 n3 n4", askLine, "no order explains it",
		"at 6.667 s", "around the first violation, around the start of 2 of 2 faults", "messages.jsonl holds all of them",
	} {
		if !strings.Contains(text, says) {
			t.Errorf("the page does not say %q", says)
		}
	}
}

// checkPage tests what must hold for every page.
func checkPage(t *testing.T, text string) {
	t.Helper()
	if n := strings.Count(text, "<script"); n != 2 {
		t.Errorf("%d scripts were opened", n)
	}
	if n := strings.Count(text, "</script"); n != 2 {
		t.Errorf("%d scripts were closed", n)
	}
	if strings.Contains(text, "<img") || strings.Contains(text, "<link rel=\"stylesheet") || strings.Contains(text, "@import") {
		t.Error("the page has an image or a style sheet")
	}
	outside := strings.ReplaceAll(regexp.MustCompile(`srcdoc="[^"]*"`).ReplaceAllString(text, ""), "http://www.w3.org/2000/svg", "")
	for _, bad := range []string{"http://", "https://", "//cdn", "import("} {
		if strings.Contains(outside, bad) {
			t.Errorf("the page refers to %s", bad)
		}
	}
	for _, ref := range regexp.MustCompile(`(?i)\b(?:src|href|action|poster)\s*=\s*("[^"]*"|[^\s">]+)`).FindAllStringSubmatch(outside, -1) {
		if target := strings.Trim(ref[1], `"`); !strings.HasPrefix(target, "#") && target != "data:," && !strings.HasPrefix(target, "x") {
			t.Errorf("the page refers to %s", target)
		}
	}
	for _, ref := range regexp.MustCompile(`url\([^)]*\)`).FindAllString(outside, -1) {
		if ref != "url(#plot)" {
			t.Errorf("the page refers to %s", ref)
		}
	}
	checkMarkup(t, text)
	if pageData(t, text).End <= 0 {
		t.Error("the data have no end")
	}
}

// checkMarkup reads the page, scripts and styles aside, as markup in which
// every element that is opened is closed.
func checkMarkup(t *testing.T, text string) {
	t.Helper()
	text = regexp.MustCompile(`(?s)(<(?:script|style)[^>]*>).*?(</(?:script|style)>)`).ReplaceAllString(text, "$1$2")
	d := xml.NewDecoder(strings.NewReader(text))
	d.Entity = xml.HTMLEntity
	for {
		if _, err := d.Token(); err == io.EOF {
			return
		} else if err != nil {
			t.Fatal(err)
		}
	}
}

// pageData reads back what the charts draw.
func pageData(t *testing.T, text string) chartData {
	t.Helper()
	_, rest, _ := strings.Cut(text, `<script type="application/json" id="data">`)
	raw, _, ok := strings.Cut(rest, "</script>")
	var d chartData
	if err := json.Unmarshal([]byte(raw), &d); err != nil || !ok {
		t.Fatal(err)
	}
	return d
}

// TestPageIsBounded: a hundred thousand operations give a page of less than 8
// MB that still shows every extreme.
func TestPageIsBounded(t *testing.T) {
	t.Parallel()
	s := madeUp(100_000)
	slow := s.record.ops[77_777]
	slow.Return = slow.Invoke + 9*time.Second
	s.picture = strings.Repeat("x", maxPicture+1)
	text := pageText(t, s)
	t.Logf("%d bytes", len(text))
	if len(text) > 8<<20 {
		t.Errorf("the page has %d bytes", len(text))
	}
	if strings.Contains(text, "srcdoc=") || !strings.Contains(text, "linearizability.html beside this page") {
		t.Error("a picture that is too large is not replaced by a word")
	}
	d := pageData(t, text)
	if n := len(d.Points.At); n > maxPoints || n < maxPoints*9/10 {
		t.Errorf("%d points", n)
	}
	unknown, slowest := 0, 0.0
	for i, e := range d.Points.Ends {
		if e == endUnknown {
			unknown++
		}
		slowest = max(slowest, d.Points.Took[i])
	}
	if unknown != s.result.Figures.Operations.Info || slowest != 9000 {
		t.Errorf("%d unknown operations of %d, the slowest took %v ms", unknown, s.result.Figures.Operations.Info, slowest)
	}
	messages := 0
	for _, w := range d.Windows {
		messages += len(w.Messages)
	}
	if messages > maxEmbedded || messages < maxEmbedded*9/10 {
		t.Errorf("%d messages", messages)
	}
}

// TestPageOfNothing: a test that ended at once has a page as well.
func TestPageOfNothing(t *testing.T) {
	t.Parallel()
	s := madeUp(0)
	s.end, s.messages, s.result.Violations, s.result.Explanation, s.samples = 1, nil, nil, nil, nil
	var b bytes.Buffer
	if err := writePage(&b, s); err != nil {
		t.Fatal(err)
	}
	for _, says := range []string{"All 0 operations", "No messages were kept", "Nothing was served", "nobody knows who led"} {
		if !strings.Contains(b.String(), says) {
			t.Errorf("the page does not say %q", says)
		}
	}
}

// TestReportOfInvalidToy looks at the page of a test that really failed.
func TestReportOfInvalidToy(t *testing.T) {
	t.Parallel()
	r, out, err := run(t, "double-reply", toyOptions(t, 1))
	if err != nil {
		t.Fatal(err)
	}
	checkMessagesFile(t, r)
	text := checkReportFile(t, r)
	if !strings.Contains(text, "a second time") || !strings.Contains(text, "around the first violation") || !strings.Contains(out, reportFile) {
		t.Error("the page does not tell the violation, or nobody says where it is")
	}
}

// TestPageOfImpossibleHistory: the page of a history that is not linearizable
// says where, and has Porcupine's picture of it.
func TestPageOfImpossibleHistory(t *testing.T) {
	t.Parallel()
	s := madeUp(40)
	s.record.ops = script(t, "A write 1; A ok; B read; B ok 2")
	s.result.Violations = nil
	s.result.Explanation = explain(0, s.record.ops, strict)
	path := filepath.Join(t.TempDir(), "picture.html")
	if err := s.result.Explanation.draw(path); err != nil {
		t.Fatal(err)
	}
	picture, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	s.picture = patient(string(picture))
	text := pageText(t, s)
	checkPage(t, text)
	for _, says := range []string{"An impossible history", "write 1: ok", "around the first anomaly", html.EscapeString(strings.TrimSpace(drawsLater))} {
		if !strings.Contains(text, says) {
			t.Errorf("the page does not say %q", says)
		}
	}
}

// checkReportFile reads the page that a test left behind.
func checkReportFile(t *testing.T, r Result) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(r.Store, reportFile))
	if err != nil {
		t.Fatal(err)
	}
	checkPage(t, string(text))
	d := pageData(t, string(text))
	if len(d.Points.At) != r.Figures.Operations.Total || len(d.Nodes) != r.Options.NodeCount || len(d.Windows) == 0 {
		t.Errorf("the page shows %d operations at %d nodes and %d windows", len(d.Points.At), len(d.Nodes), len(d.Windows))
	}
	if len(d.Faults) != r.Figures.Outages.Cuts {
		t.Errorf("the page shows %d faults of %d", len(d.Faults), r.Figures.Outages.Cuts)
	}
	return string(text)
}

// TestWindow: a window holds the messages nearest to its moment, and no more
// than its quota.
func TestWindow(t *testing.T) {
	t.Parallel()
	w := &window{focus: time.Second, before: 4, quota: 50}
	for i := range 2000 {
		w.add(journalLine{Sent: int64(i) * int64(time.Millisecond)})
	}
	d := w.data()
	if len(d.Messages) != 50 || d.From != 990 || d.To != 1039 {
		t.Errorf("%d messages from %v to %v", len(d.Messages), d.From, d.To)
	}
}

// TestCommandLine: whatever option is changed, the command names it.
func TestCommandLine(t *testing.T) {
	t.Parallel()
	if got := commandLine(DefaultOptions()); got != "maelraft test" {
		t.Errorf("without options it is %q", got)
	}
	kind := reflect.TypeFor[Options]()
	for i := range kind.NumField() {
		field := kind.Field(i)
		if !field.IsExported() {
			continue
		}
		o := DefaultOptions()
		v := reflect.ValueOf(&o).Elem().Field(i)
		want := " " + flagName(field)
		switch field.Type.Kind() {
		case reflect.Bool:
			v.SetBool(true)
		case reflect.Int:
			v.SetInt(77)
			want += " 77"
		case reflect.Uint64:
			v.SetUint(math.MaxUint64)
			want += " 18446744073709551615"
		case reflect.Float64:
			v.SetFloat(0.25)
			want += " 0.25"
		case reflect.String:
			v.SetString("it's 1")
			want += ` 'it'\''s 1'`
		default:
			v.Set(reflect.ValueOf([]string{"--x", "a b"}))
			want += " '--x,a b'"
			if field.Name == "NodeArgs" {
				want = " -- --x 'a b'"
			}
		}
		if got := commandLine(o); got != "maelraft test"+want {
			t.Errorf("%s: %q, not %q", field.Name, got, want)
		}
	}
	self, _ := os.Executable()
	o := DefaultOptions()
	if o.Bin = self; commandLine(o) != "maelraft test" {
		t.Error("the program names itself")
	}
}

func TestBins(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		end, bin time.Duration
		n        int
	}{
		{0, 100 * time.Millisecond, 1},
		{1040 * time.Millisecond, 100 * time.Millisecond, 10},
		{6 * time.Second, 200 * time.Millisecond, 30},
		{20060 * time.Millisecond, time.Second, 20},
		{20600 * time.Millisecond, time.Second, 21},
		{119 * time.Second, time.Second, 119},
		{120 * time.Second, 2 * time.Second, 60},
		{7 * 24 * time.Hour, 10_000 * time.Second, 60},
	} {
		if bin := binFor(c.end); bin != c.bin || bins(c.end, bin) != c.n {
			t.Errorf("%v: %d bins of %v, want %d of %v", c.end, bins(c.end, bin), bin, c.n, c.bin)
		}
	}
}

func TestRoles(t *testing.T) {
	t.Parallel()
	at := func(ms int, role string, term int64) sample {
		return sample{At: time.Duration(ms) * time.Millisecond, Role: role, Term: term}
	}
	got := roles([]sample{
		at(100, "follower", 1), at(600, "follower", 1), at(1100, "leader", 2), // then silence
		at(9000, "leader", 2), at(9500, "leader", 3),
	}, 10*time.Second)
	want := []roleData{{100, 1100, "follower", 1}, {1100, 2600, "leader", 2}, {9000, 9500, "leader", 2}, {9500, 10000, "leader", 3}}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%v", got)
	}
}

func TestGrudgeWords(t *testing.T) {
	t.Parallel()
	nodes := nodeNames(3)
	oneWay := grudge{}
	oneWay.cut("n0", "n1")
	for want, g := range map[string]grudge{
		"nobody":              nil,
		"n1 | n0 n2":          split(nodes[1:2], []string{"n0", "n2"}),
		"n1 does not hear n0": oneWay,
		"n0 does not hear n2; n1 does not hear n0; n2 does not hear n1": perfectRing([]string{"n0", "n2", "n1"}),
	} {
		if got := g.words(nodes); got != want {
			t.Errorf("%q, not %q", got, want)
		}
	}
}

// TestPhaseBars counts each operation in the phase in which it was invoked.
func TestPhaseBars(t *testing.T) {
	t.Parallel()
	s := madeUp(400) // 20 s; two of five nodes are cut off from 5 s to 10 s, and from 15 s on
	bars, note := phaseBars(s)
	if len(bars) != 4 || note != "" {
		t.Fatalf("%d bars, %q", len(bars), note)
	}
	asked, servable, served := 0, 0, 0
	for i, b := range bars {
		asked, servable, served = asked+b.Asked, servable+b.Servable, served+b.Served
		if b.Asked != 100 || (b.Fault > 0) != (i%2 == 1) {
			t.Errorf("bar %d: %+v", i, b)
		}
	}
	f := s.result.Figures
	if asked != f.Operations.Total || servable != f.Servable || served != f.ServableServed || bars[3].Servable >= 100 {
		t.Errorf("%d, %d, %d; the figures say %d, %d, %d", asked, servable, served, f.Operations.Total, f.Servable, f.ServableServed)
	}
}
