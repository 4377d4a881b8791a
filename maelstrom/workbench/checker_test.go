package workbench

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// script builds a history of key 0 from lines such as "A write 1" and "A ok",
// where A is a process. A read's outcome names what it saw: "B ok 1".
func script(t *testing.T, text string) []*op {
	t.Helper()
	open := map[string]*op{}
	var ops []*op
	for i, line := range strings.Split(strings.TrimSpace(text), ";") {
		words := strings.Fields(line)
		who, what := words[0], words[1]
		o, busy := open[who]
		if !busy {
			o = &op{F: what, Value: "null", InvokeIndex: i, ReturnIndex: 1000, Outcome: outcomeInfo}
			if len(words) > 2 {
				o.Value = words[2]
			}
			open[who], ops = o, append(ops, o)
			continue
		}
		delete(open, who)
		o.ReturnIndex = i
		switch what {
		case "ok":
			o.Outcome = outcomeOK
			if len(words) > 2 {
				o.Result = words[2]
			}
		case "info":
			o.Code = codeTimeout
		default:
			o.Outcome = outcomeFail
			if _, err := fmt.Sscan(what, &o.Code); err != nil {
				t.Fatal(err)
			}
		}
	}
	return ops
}

func TestCheckerByHand(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, history    string
		official, strict Verdict
	}{
		{"write then read", "A write 1;A ok;A read;A ok 1", Valid, Valid},
		{"lost write", "A write 1;A ok;A write 2;A ok;A read;A ok 1", Invalid, Invalid},
		{"concurrent write", "A write 1;A ok;A write 2;B read;B ok 1;B read;B ok 2;A ok", Valid, Valid},
		{"new then old", "A write 1;A ok;A write 2;B read;B ok 2;B read;B ok 1;A ok", Invalid, Invalid},
		{"unknown write read late", "A write 1;A ok;B write 2;B info;A read;A ok 1;A read;A ok 2", Valid, Valid},
		{"unknown write never", "B write 2;B info;A write 1;A ok;A read;A ok 1", Valid, Valid},
		{"unknown write twice", "A write 1;A ok;B write 2;B info;A read;A ok 2;A write 1;A ok;A read;A ok 2", Invalid, Invalid},
		{"unknown write before its invocation", "A write 1;A ok;A read;A ok 2;B write 2;B info", Invalid, Invalid},
		{"unknown write, read under way", "A write 1;A ok;A read;B write 2;B info;A ok 2", Valid, Valid},
		{"unknown cas applies", "A write 1;A ok;B cas [1,3];B info;A read;A ok 3", Valid, Valid},
		{"unknown cas cannot apply", "A write 1;A ok;B cas [2,3];B info;A read;A ok 3", Invalid, Invalid},
		{"chain of unknowns", "A write 1;A ok;B cas [1,2];B info;C cas [2,3];C info;A read;A ok 3", Valid, Valid},
		{"chain, then its middle", "A write 1;A ok;B cas [1,2];B info;C cas [2,3];C info;A read;A ok 3;A read;A ok 2", Invalid, Invalid},
		{"chain with a late link", "A write 1;A ok;B cas [2,3];B info;A read;A ok 1;C write 2;C info;A read;A ok 3", Valid, Valid},
		{"no invocation forgotten", "A write 1;A ok;B read;C write 2;C info;D read;D ok 1;B ok 2;A read;A ok 1", Invalid, Invalid},
		{"open at the end", "A write 1;A ok;B write 2;A read;A ok 2", Valid, Valid},
		{"definite lie", "A write 1;A ok;B write 2;B 11;A read;A ok 2", Invalid, Invalid},
		{"refused in truth", "A write 1;A ok;B write 2;B 11;A read;A ok 1", Valid, Valid},
		{"read of a missing key", "A read;A 20;A write 1;A ok", Valid, Valid},
		{"stale 20", "A write 1;A ok;A read;A 20", Valid, Invalid},
		{"20 during the first write", "A write 1;B read;B 20;A ok", Valid, Valid},
		{"cas 20 on a key that exists", "A write 1;A ok;A cas [1,2];A 20", Valid, Invalid},
		{"rightful 22", "A write 1;A ok;A cas [2,3];A 22", Valid, Valid},
		{"spurious 22", "A write 1;A ok;A cas [1,3];A 22", Valid, Invalid},
		{"22 on a missing key", "A cas [1,3];A 22", Valid, Invalid},
		{"22 thanks to an unknown write", "A write 1;A ok;B write 2;B info;A cas [1,3];A 22;A read;A ok 2", Valid, Valid},
		{"22 contradicts the next read", "A write 1;A ok;B write 2;B info;A cas [1,3];A 22;A read;A ok 1", Valid, Invalid},
		{"cas of a missing key", "A cas [1,3];A ok", Invalid, Invalid},
		{"cas applied", "A write 1;A ok;A cas [1,3];A ok;A read;A ok 3", Valid, Valid},
		{"cas applied though refused", "A write 1;A ok;A cas [1,3];A 22;A read;A ok 3", Invalid, Invalid},
		{"null read", "A write 1;A ok;A read;A ok null", Valid, Invalid},
		{"unanswered read", "A write 1;A ok;A read;A info", Valid, Valid},
	} {
		got := checkRegisters(t.Context(), script(t, c.history))
		if got.Official.Verdict != c.official || got.Strict.Verdict != c.strict {
			t.Errorf("%s: official %s, strict %s; want %s, %s", c.name, got.Official.Verdict, got.Strict.Verdict, c.official, c.strict)
		}
	}
}

// naive decides by trying every order of every choice of unknown operations.
func naive(ops []*op, rd reading) bool {
	var try func(left []*op, value string) bool
	try = func(left []*op, value string) bool {
		if !slices.ContainsFunc(left, func(o *op) bool { return o.Outcome != outcomeInfo }) {
			return true
		}
		for i, o := range left {
			if slices.ContainsFunc(left, func(other *op) bool {
				return other.Outcome != outcomeInfo && other.ReturnIndex < o.InvokeIndex
			}) {
				continue
			}
			if next, ok := naiveStep(o, rd, value); ok && try(slices.Concat(left[:i], left[i+1:]), next) {
				return true
			}
		}
		return false
	}
	return try(ops, "missing")
}

func naiveStep(o *op, rd reading, value string) (string, bool) {
	from, to := casArgs(o.Value)
	if o.Outcome == outcomeFail {
		wrong := o.Code == 20 && value != "missing" || o.Code == 22 && o.F == fCAS && (value == "missing" || value == from)
		return value, rd == official || o.F == fWrite || !wrong
	}
	switch {
	case o.Outcome == outcomeInfo && o.F == fRead:
		return value, true
	case o.F == fRead:
		return value, value == o.Result
	case o.F == fWrite:
		return o.Value, true
	case o.Outcome == outcomeInfo && value != from:
		return value, true
	default:
		return to, value == from
	}
}

// TestCheckerAgainstNaive compares the checker, whose unknown operations live
// in the state, with the definition.
func TestCheckerAgainstNaive(t *testing.T) {
	t.Parallel()
	seen := map[string]int{}
	rapid.Check(t, func(t *rapid.T) {
		ops := drawHistory(t)
		for rd, got := range map[reading]Verdict{
			official: whole(ops, official).check(checkLimit), strict: whole(ops, strict).check(checkLimit),
		} {
			want := Invalid
			if naive(ops, rd) {
				want = Valid
			}
			seen[rd.String()+string(want)]++
			if got != want {
				for _, o := range ops {
					t.Logf("%d-%d %s", o.InvokeIndex, o.ReturnIndex, describe(o))
				}
				t.Fatalf("%s: %s, want %s", rd, got, want)
			}
			if want == Invalid {
				explain(0, ops, rd) // must not panic, whatever the history
			}
		}
	})
	t.Log(seen)
}

// drawHistory draws a short history of few values: about half are valid.
func drawHistory(t *rapid.T) []*op {
	value := rapid.IntRange(0, 2)
	var ops, open []*op
	index := 0
	for range rapid.IntRange(1, 9).Draw(t, "ops") {
		o := &op{F: rapid.SampledFrom([]string{fRead, fWrite, fCAS}).Draw(t, "f"), Value: "null", InvokeIndex: index, ReturnIndex: 1000, Outcome: outcomeInfo}
		index++
		switch o.F {
		case fWrite:
			o.Value = fmt.Sprint(value.Draw(t, "value"))
		case fCAS:
			o.Value = fmt.Sprintf("[%d,%d]", value.Draw(t, "from"), value.Draw(t, "to"))
		}
		ops, open = append(ops, o), append(open, o)
		for len(open) > 0 && rapid.IntRange(0, 2).Draw(t, "end") > 0 {
			i := rapid.IntRange(0, len(open)-1).Draw(t, "which")
			o := open[i]
			open = slices.Delete(open, i, i+1)
			o.ReturnIndex = index
			index++
			switch rapid.IntRange(0, 5).Draw(t, "outcome") {
			case 0:
				o.Outcome, o.Code = outcomeFail, rapid.SampledFrom([]int{11, 20, 22}).Draw(t, "code")
			case 1, 2:
				o.Code = codeTimeout
			default:
				o.Outcome = outcomeOK
				if o.F == fRead {
					o.Result = fmt.Sprint(value.Draw(t, "seen"))
				}
			}
		}
	}
	return ops
}

// TestPartsAgainstNaive: a part is impossible only if the whole is.
func TestPartsAgainstNaive(t *testing.T) {
	found := 0
	rapid.Check(t, func(t *rapid.T) {
		ops, size := drawHistory(t), rapid.IntRange(2, 4).Draw(t, "size")
		for _, rd := range []reading{official, strict} {
			w, impossible := impossiblePart(ops, rd, size, time.Now().Add(checkLimit))
			if !impossible {
				continue
			}
			found++
			if naive(ops, rd) || w.pose(ops, rd).check(checkLimit) != Invalid {
				t.Fatalf("%s: %+v is not impossible", rd, w)
			}
		}
	})
	if found == 0 {
		t.Error("nothing impossible was found")
	}
}

// TestLongKeyIsSearchedInParts: where the whole is too much, a part decides.
func TestLongKeyIsSearchedInParts(t *testing.T) {
	ops := bigHistory(10*partOps, 10*partOps, 5, 0.001).ops
	if w, found := impossiblePart(ops, strict, partOps, time.Now().Add(checkLimit)); found {
		t.Errorf("%+v is not impossible", w)
	}
	i := slices.IndexFunc(ops, func(o *op) bool { return o.InvokeIndex > 5*partOps && o.Result != "" })
	ops[i].Result = "9"
	if w, found := impossiblePart(ops, strict, partOps, time.Now()); found {
		t.Errorf("out of time, but %+v", w)
	}
	w, found := impossiblePart(ops, strict, partOps, time.Now().Add(checkLimit))
	if !found || w.start > ops[i].InvokeIndex || w.end < ops[i].ReturnIndex {
		t.Errorf("%v %+v, but operation %d is wrong", found, w, i)
	}
	if text := explain(0, ops, strict).text(); !strings.Contains(text, "read 9: ok") || !strings.Contains(text, "whatever its value was") {
		t.Error(text)
	}
	for range math.MaxUint8 + 1 {
		late := *ops[len(ops)-1]
		late.F, late.Value, late.Outcome = fWrite, "1", outcomeInfo
		ops = append(ops, &late)
	}
	if v := whole(ops, strict).check(checkLimit); v != Unknown {
		t.Error("the whole is", v)
	}
	if v := checkKey(ops, strict, time.Now().Add(checkLimit)); v != Invalid {
		t.Error(v)
	}
}

// TestManyUnknowns: unknown operations must not blow the search up.
func TestManyUnknowns(t *testing.T) {
	t.Parallel()
	text := "A write 0;A ok"
	for i := range 60 {
		text += fmt.Sprintf(";U%d cas [%d,%d];U%d info", i, i%5, (i*3+1)%5, i)
	}
	for i := range 400 {
		text += fmt.Sprintf(";A write %d;B read;C read;A ok;B ok %d;C ok %d", i%5, i%5, i%5)
	}
	if got := checkRegisters(t.Context(), script(t, text)); got.Strict.Verdict != Valid {
		t.Error(got.Strict)
	}
	got := checkRegisters(t.Context(), script(t, strings.Replace(text, "A write 0;A ok", "A write 9;A ok", 1)+";A read;A ok 9"))
	if got.Strict.Verdict != Invalid {
		t.Error(got.Strict)
	}
}

func TestTooManyUnknownsIsUnknown(t *testing.T) {
	t.Parallel()
	text := "A write 0;A ok"
	for i := range 300 {
		text += fmt.Sprintf(";U%d write 1;U%d info", i, i)
	}
	if got := checkRegisters(t.Context(), script(t, text)); got.Strict.Verdict != Unknown || len(got.Strict.UnknownKeys) != 1 {
		t.Error(got.Strict)
	}
	p := whole(script(t, "A write 1;A ok;A read;A ok 1"), strict)
	p.register.budget.left = 0
	if got := p.check(checkLimit); got != Unknown {
		t.Error("out of memory, but", got)
	}
}

func TestExplanationIsShort(t *testing.T) {
	t.Parallel()
	text := "A write 0;A ok"
	for i := range 500 {
		text += fmt.Sprintf(";A write %d;A ok;B read;B ok %d", i%5, i%5)
	}
	text += ";A write 1;A ok;B read;B ok 3;A write 2;A ok"
	e := explain(0, script(t, text), strict)
	if len(e.Words) != 4 || !strings.Contains(e.Words[1], "write 1: ok") || !strings.Contains(e.Words[2], "read 3: ok") {
		t.Errorf("%q", e.Words)
	}
	path := t.TempDir() + "/x.html"
	if err := e.draw(path); err != nil || e.File != path {
		t.Error(err)
	}
	first := explain(0, script(t, "A read;A ok 3"), strict)
	if !strings.Contains(first.Words[0], "from its first operation on") {
		t.Errorf("%q", first.Words)
	}
}

func TestStatsVerdict(t *testing.T) {
	t.Parallel()
	for history, want := range map[string]Verdict{
		"A write 1;A ok;A read;A ok 1":           Valid,
		"A write 1;A ok;A read;A 20;B read;B 11": Invalid,
		"A write 1;A ok;A cas [1,2];A info":      Invalid,
		"A write 1;A ok;A cas [1,2];A ok;B read": Invalid,
	} {
		if got, why := checkStats(script(t, history)); got != want || (why == "") != (want == Valid) {
			t.Errorf("%s: %s %s", history, got, why)
		}
	}
	if got, _ := checkStats(nil); got != Unknown {
		t.Error(got)
	}
	if worse(Valid, Unknown) != Unknown || worse(Unknown, Invalid) != Invalid || worse(Valid, Valid) != Valid {
		t.Error("validity merges wrongly")
	}
}
