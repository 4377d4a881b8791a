package workbench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

// sharedHistories holds histories that the official Maelstrom wrote, with its
// verdicts. It is outside the repository and may be missing.
const sharedHistories = "../../../shared/data/histories"

// TestOfficialHistories compares our verdicts with those of the official
// Maelstrom and with what the strict reading must say.
func TestOfficialHistories(t *testing.T) {
	t.Parallel()
	if _, err := os.Stat(sharedHistories); err != nil {
		t.Skip("the shared histories are not here")
	}
	for _, c := range []struct {
		name             string
		official, strict Verdict
	}{
		{"node-none", Valid, Valid},
		{"node-local-read", Invalid, Invalid},
		{"node-lost-write", Invalid, Invalid},
		{"node-double-cas", Invalid, Invalid},
		{"node-definite-lie", Invalid, Invalid},
		{"node-stale-missing", Valid, Invalid},
		{"node-spurious-22", Valid, Invalid},
		{"node-null-read", Valid, Invalid},
		{"etcd-readindex-partition", Valid, Valid},
		{"etcd-lease-partition-1s", Invalid, Invalid},
		{"python-demo-partition-exponential", Valid, Valid},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			file := filepath.Join(sharedHistories, c.name+".edn.gz")
			var out bytes.Buffer
			start := time.Now()
			got, err := Check(t.Context(), CheckOptions{Files: []string{file}}, &out)
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("%v\n%s", time.Since(start), out.String())
			if got.Official != c.official || got.Strict != c.strict || got.Verdict != c.strict {
				t.Errorf("official %s, strict %s; want %s, %s", got.Official, got.Strict, c.official, c.strict)
			}
			e := got.Histories[0].Explanation
			if (e != nil) != (c.strict == Invalid) {
				t.Errorf("the explanation is %v", e)
			}
			if e != nil {
				if err := e.draw(filepath.Join(t.TempDir(), "x.html")); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

// storeEvents writes events as a history and returns its path.
func storeEvents(t *testing.T, events []event) string {
	t.Helper()
	dir := t.TempDir()
	if err := writeHistory(dir, events); err != nil {
		t.Fatal(err)
	}
	return filepath.Join(dir, historyFile)
}

func TestCheckReports(t *testing.T) {
	file := func(text string) string { return storeEvents(t, recordOf(script(t, text)).events) }
	valid := file("A write 1;A ok;A read;A ok 1")
	lie := file("A write 1;A ok;A read;A ok 1;A read;A 20")
	stale := file("A write 1;A ok;A write 2;A ok;A read;A ok 1")
	useless := file("A write 1;A ok;A cas [3,4];A 22")
	empty := file("A write 1;A ok")
	if err := os.Truncate(empty, 0); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name  string
		opts  CheckOptions
		code  int
		last  string
		words []string
	}{
		{"valid", CheckOptions{Files: []string{valid}}, ExitValid, lineValid, []string{
			valid + ": 2 operations on 1 keys", "as Maelstrom reads it: valid\n", "read strictly: valid\n", "Verdict: valid as Maelstrom judges, valid as",
		}},
		{"strictly invalid", CheckOptions{Files: []string{lie}}, ExitInvalid, lineInvalid, []string{
			"key-does-not-exist 1", "as Maelstrom reads it: valid\n", "read strictly: invalid, bad keys (1 of 1): 0\n", "read: no such key",
			"Not valid: the history is not linearizable (strict reading)",
		}},
		{"strictly invalid, with quirks", CheckOptions{Files: []string{lie}, MaelstromQuirks: true}, ExitValid, lineValid, []string{
			"read: no such key", "Not valid if judged strictly: ", "Verdict: valid as Maelstrom judges, invalid as judged strictly",
		}},
		{"invalid", CheckOptions{Files: []string{stale}, MaelstromQuirks: true}, ExitInvalid, lineInvalid, []string{
			"as Maelstrom reads it: invalid, bad keys (1 of 1): 0\n", "write 2: ok", "read 1: ok", "(official reading)",
		}},
		{"no success", CheckOptions{Files: []string{useless}}, ExitInvalid, lineInvalid, []string{
			"read strictly: valid\n", "none of 1 cas operations succeeded",
		}},
		{"nothing", CheckOptions{Files: []string{empty}}, ExitUnknown, lineUnknown, []string{"no operation was issued"}},
		{"the worst counts", CheckOptions{Files: []string{valid, stale, empty}}, ExitInvalid, lineInvalid, []string{valid, stale, empty}},
		{"quiet", CheckOptions{Files: []string{stale, valid}, Quiet: true}, ExitInvalid, lineInvalid, nil},
	} {
		var out bytes.Buffer
		r, err := Check(t.Context(), c.opts, &out)
		if err != nil || r.ExitCode() != c.code || !strings.HasSuffix(out.String(), c.last+"\n") {
			t.Errorf("%s: exit code %d, %v\n%s", c.name, r.ExitCode(), err, out.String())
		}
		for _, words := range c.words {
			if !strings.Contains(out.String(), words) {
				t.Errorf("%s: %q is missing:\n%s", c.name, words, out.String())
			}
		}
		if c.opts.Quiet && out.String() != c.last+"\n" {
			t.Errorf("quiet is\n%s", out.String())
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Check(ctx, CheckOptions{Files: []string{valid}}, io.Discard); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func TestManyBadKeysAreCounted(t *testing.T) {
	t.Parallel()
	r := Reading{Verdict: Invalid, Keys: 300, UnknownKeys: []int{7}}
	for key := range 30 {
		r.BadKeys = append(r.BadKeys, key)
	}
	if got := r.text(); got != "invalid, bad keys (30 of 300): 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 and 10 more, undecided keys (1 of 300): 7" {
		t.Error(got)
	}
}

// registerRun plays clients against registers that are correct and instant,
// so that its history is linearizable by construction. An unknown operation
// happens at once, much later, or never.
type registerRun struct {
	rand    *rand.Rand
	history *history
	perKey  int // operations before the clients move on to the next key
	// unknown is the share of operations without a known outcome.
	unknown float64

	value string // of the current key, or absent
	key   int
	ops   int
	late  []*op
}

// play runs so many operations over so many clients.
func (g *registerRun) play(ops, clients int) {
	type client struct {
		process int
		op      *op
		applied bool
	}
	all := make([]client, clients)
	for i := range all {
		all[i].process = i
	}
	for busy := 0; ops > 0 || busy > 0; {
		c := &all[g.rand.IntN(clients)]
		switch {
		case c.op == nil && ops > 0:
			c.op, c.applied = g.draw(c.process), false
			g.history.invoke(c.op)
			ops--
			busy++
		case c.op == nil:
		case !c.applied:
			g.apply(c.op)
			c.applied = true
		default:
			if c.op.Outcome == outcomeInfo {
				c.process += clients
			}
			g.history.complete(c.op)
			c.op = nil
			busy--
		}
	}
}

// draw moves on to the next key after perKey operations. Operations on the
// last key that are still under way are then on an abandoned register.
func (g *registerRun) draw(process int) *op {
	if g.ops == g.perKey {
		g.ops, g.value, g.late = 0, absent, nil
		g.key++
	}
	g.ops++
	o := &op{Thread: process, Process: process, Key: g.key}
	linKV{}.next(g.rand, g.rand.IntN(2) == 0, o)
	return o
}

// apply does an operation. Now and then an unknown one of long ago happens.
func (g *registerRun) apply(o *op) {
	if len(g.late) > 0 && g.rand.IntN(20) == 0 {
		i := g.rand.IntN(len(g.late))
		g.execute(g.late[i])
		g.late = append(g.late[:i], g.late[i+1:]...)
	}
	switch {
	case o.Key != g.key:
		linKV{}.silent(o, 11)
		o.Outcome = outcomeFail
	case o.F != fRead && g.rand.Float64() < g.unknown:
		if g.rand.IntN(2) == 0 {
			g.late = append(g.late, &op{F: o.F, Value: o.Value})
		} else if g.rand.IntN(2) == 0 {
			g.execute(o)
		}
		o.Result = ""
		linKV{}.silent(o, codeTimeout)
	default:
		g.execute(o)
	}
}

func (g *registerRun) execute(o *op) {
	from, to := "", o.Value
	if o.F == fCAS {
		from, to = casArgs(o.Value)
	}
	o.Outcome, o.Code = outcomeFail, codeNotFound
	switch {
	case o.F == fWrite:
	case g.value == absent:
		return
	case o.F == fRead:
		o.Outcome, o.Code, o.Result = outcomeOK, codeNone, g.value
		return
	case from != g.value:
		o.Code = codePrecondition
		return
	}
	o.Outcome, o.Code, g.value = outcomeOK, codeNone, to
}

// bigHistory is a correct history of many operations.
func bigHistory(ops, perKey, clients int, unknown float64) record {
	h := newHistory(newClock())
	h.begin()
	g := registerRun{rand: rand.New(rand.NewPCG(1, 2)), history: h, perKey: perKey, unknown: unknown}
	g.play(ops, clients)
	return h.finish()
}

// TestCheckOfManyOperations: a long test with unknown outcomes is decided, and
// a shorter one in Maelstrom's notation. Like other tests that are much work it
// does not run beside the tests that go by the clock, which would suffer.
func TestCheckOfManyOperations(t *testing.T) {
	edn := filepath.Join(t.TempDir(), "history.edn")
	if err := os.WriteFile(edn, []byte(ednText(bigHistory(10_000, perKeyLimit, 10, 0.005).events)), 0o600); err != nil {
		t.Fatal(err)
	}
	for file, ops := range map[string]int{storeEvents(t, bigHistory(100_000, perKeyLimit, 10, 0.005).events): 100_000, edn: 10_000} {
		start := time.Now()
		var out bytes.Buffer
		r, err := Check(t.Context(), CheckOptions{Files: []string{file}}, &out)
		if err != nil || r.Official != Valid || r.Strict != Valid || r.Histories[0].Operations.Total != ops {
			t.Errorf("%v, %v\n%s", r, err, out.String())
		}
		t.Logf("%v\n%s", time.Since(start), out.String())
	}
}

// BenchmarkCheck measures the checker on correct histories of 100,000
// operations: keys that are retired, keys that are not, and more doubt.
func BenchmarkCheck(b *testing.B) {
	for _, c := range []struct {
		ops, perKey, clients int
		unknown              float64
	}{
		{100_000, perKeyLimit, 10, 0},
		{100_000, perKeyLimit, 10, 0.005},
		{100_000, perKeyLimit, 50, 0.005},
		{100_000, perKeyLimit, 10, 0.05},
		{100_000, 50_000, 10, 0},
		{100_000, 50_000, 10, 0.0002},
	} {
		b.Run(fmt.Sprintf("perKey=%d/clients=%d/unknown=%g", c.perKey, c.clients, c.unknown), func(b *testing.B) {
			rec := bigHistory(c.ops, c.perKey, c.clients, c.unknown)
			b.ReportAllocs()
			for b.Loop() {
				r := checkRegisters(b.Context(), rec.ops)
				if r.Official.Verdict == Invalid || r.Strict.Verdict == Invalid {
					b.Fatal(r)
				}
				b.ReportMetric(float64(len(r.Strict.UnknownKeys)), "undecided-keys")
			}
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			b.ReportMetric(float64(m.HeapSys)/1e6, "heap-MB")
		})
	}
}
