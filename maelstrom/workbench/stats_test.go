package workbench

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
)

const sec = time.Second

func TestQuantile(t *testing.T) {
	t.Parallel()
	values := []float64{5, 1, 4, 2, 3}
	for q, want := range map[float64]float64{0.01: 1, 0.2: 1, 0.21: 2, 0.5: 3, 0.95: 5, 1: 5} {
		if got := quantile(values, q); got != want {
			t.Errorf("%v: %v", q, got)
		}
	}
	if quantile(nil, 0.5) != 0 || newQuantiles(values).Mean != 3 || values[0] != 5 {
		t.Error("quantiles")
	}
}

// A request to a node that is down is lost, and so is one that is waiting in a node when that is killed.
func TestServableUnderKills(t *testing.T) {
	t.Parallel()
	o := DefaultOptions()
	o.Latency, o.ElectionTimeout = 10, 200 // 480 ms
	nodes := nodeNames(3)
	dead := phase{Kind: "x", Down: []string{"n0"}, Grudge: grudge{}.without([]string{"n0"}, nodes)}
	first, second := dead, dead
	first.At, second.At = 2*sec, 4*sec
	s := newServability(o, nodes, []phase{{}, first, {At: 2200 * time.Millisecond}, second, {At: 5 * sec}}, newEras(nodes, nil))
	for ms, want := range map[int]bool{1000: true, 1520: true, 1521: false, 2000: false, 2199: false, 2200: true, 3520: true, 3521: false, 4900: false, 5000: true} {
		if got := s.servable("n0", time.Duration(ms)*time.Millisecond); got != want {
			t.Errorf("at %d ms: %v", ms, got)
		}
	}
	if !s.servable("n1", 2*sec) {
		t.Error("n1 was never down")
	}
}

// Nobody can be blamed for what he is asked while he is stopped until the client gives up, or killed with.
func TestHalted(t *testing.T) {
	t.Parallel()
	nodes := nodeNames(3)
	s := newServability(DefaultOptions(), nodes, []phase{
		{},
		{At: 2 * sec, Kind: "x", Paused: []string{"n0"}},
		{At: 4 * sec, Kind: "x", Paused: []string{"n0"}}, // still
		{At: 5 * sec},
		{At: 7 * sec, Kind: "x", Down: []string{"n0"}},
		{At: 8 * sec},
	}, newEras(nodes, nil))
	for ms, want := range map[int]bool{
		0: false, 999: false, 1000: true, 2000: true, 3999: true, 4000: false, 4500: false, 5999: false, 6000: true, 7999: true, 8000: false,
	} {
		if got := s.halted("n0", time.Duration(ms)*time.Millisecond); got != want {
			t.Errorf("at %d ms: %v", ms, got)
		}
	}
	if s.halted("n1", 3*sec) {
		t.Error("n1 was never stopped")
	}
}

// TestServable: n=5, limit 1 s, and D = 2*200 ms + 8*10 ms = 480 ms.
func TestServable(t *testing.T) {
	t.Parallel()
	o := DefaultOptions()
	o.Latency, o.ElectionTimeout = 10, 200
	nodes := nodeNames(5)
	cut := split([]string{"n0"}, nodes[1:])
	s := newServability(o, nodes, []phase{
		{},
		{At: 2 * sec, Kind: "x", Grudge: cut},
		{At: 4 * sec},
		{At: 4400 * time.Millisecond, Kind: "x", Grudge: cut},
		{At: 9 * sec},
	}, newEras(nodes, nil))
	for _, c := range []struct {
		node string
		ms   int
		want bool
	}{
		{"n0", 0, true},
		{"n0", 1500, true},
		{"n0", 1520, true},
		{"n0", 1521, false},
		{"n0", 2500, false},
		{"n0", 3480, false}, // linked for 400 ms only
		{"n0", 8479, false},
		{"n0", 8480, true},
		{"n0", 20_000, true},
		{"n1", 1521, true},
		{"n1", 3000, true},
		{"n1", 8000, true}, // never cut off
	} {
		if got := s.servable(c.node, time.Duration(c.ms)*time.Millisecond); got != c.want {
			t.Errorf("%s at %d ms: %v", c.node, c.ms, got)
		}
	}
	o.ElectionTimeout = 10_000 // D is never more than the client's limit
	s = newServability(o, nodes, []phase{{}, {At: 2 * sec, Kind: "x", Grudge: cut}}, newEras(nodes, nil))
	if !s.servable("n0", sec) || s.servable("n0", sec+1) {
		t.Error("long election time-out")
	}
}

func served(node string, from, to time.Duration) *op {
	return &op{F: fWrite, Node: node, Outcome: outcomeOK, Invoke: from, Return: to}
}

func TestOutages(t *testing.T) {
	t.Parallel()
	nodes := nodeNames(3)
	alone := func(id string) grudge {
		var others []string
		for _, n := range nodes {
			if n != id {
				others = append(others, n)
			}
		}
		return split([]string{id}, others)
	}
	phases := []phase{
		{},
		{At: 1 * sec, Kind: "one", Grudge: alone("n0"), Leader: "n0"}, // lost
		{At: 2 * sec},
		{At: 3 * sec, Kind: "one", Grudge: alone("n1"), Leader: "n0"}, // a follower
		{At: 4 * sec},
		{At: 5 * sec, Kind: "majorities-ring", Grudge: perfectRing(nodes), Leader: "n0"}, // no majority at all
		{At: 6 * sec},
		{At: 7 * sec, Kind: "one", Grudge: alone("n2")}, // nobody knows
		{At: 8 * sec},
		{At: 9 * sec, Kind: "one", Grudge: alone("n2"), Leader: "n2"}, // lost for good
	}
	mutations := []*op{
		served("n1", 990*time.Millisecond, 1050*time.Millisecond),  // under way, the old leader's
		served("n0", 1100*time.Millisecond, 1200*time.Millisecond), // on the wrong side
		served("n1", 900*time.Millisecond, 1300*time.Millisecond),  // under way, the new leader's
		served("n2", 1310*time.Millisecond, 1400*time.Millisecond),
		served("n2", 9100*time.Millisecond, 9200*time.Millisecond),
	}
	got := measureOutages(phases, newEras(nodes, nil), nodes, mutations, 10*time.Millisecond, 10*sec)
	if fmt.Sprint(got.Each) != "[300 1000]" || got.Cuts != 5 || got.LeaderKnown != 4 || got.LeaderLost != 2 || got.Unended != 1 {
		t.Errorf("%+v", got)
	}
	if got.NodesCutFromLeader != 2+1+2+2 || got.LongestMS != 1000 || got.MedianMS != 300 {
		t.Errorf("%+v", got)
	}
	if gap := longestGap(mutations, 10*sec); gap != 7800*time.Millisecond {
		t.Error(gap)
	}
	if longestGap(nil, 10*sec) != 10*sec {
		t.Error("nothing served")
	}
}

func TestLeadership(t *testing.T) {
	t.Parallel()
	l := newLeadership([]sample{
		{At: 1 * sec, Node: "n0", Role: "follower", Term: 1},
		{At: 2 * sec, Node: "n1", Role: "leader", Term: 1},
		{At: 5 * sec, Node: "n2", Role: "leader", Term: 2},
		{At: 6 * sec, Node: "n1", Role: "leader", Term: 1}, // does not know yet
		{At: 7 * sec, Node: "n2", Role: "follower", Term: 3},
		{At: 7 * sec, Node: "n1", Role: "follower", Term: 3},
	})
	for at, want := range map[time.Duration]string{0: "", 1: "", 2: "n1", 4: "n1", 5: "n2", 6: "n2", 8: ""} {
		if got := l.at(at * sec); got != want {
			t.Errorf("at %d: %q, want %q", at, got, want)
		}
	}
	if l.during(served("n0", 2*sec, 3*sec)) != "n1" || l.during(served("n0", 4*sec, 5*sec)) != "" || l.during(served("n0", 3*sec, 4500*time.Millisecond)) != "" {
		t.Error("leader during an operation")
	}
	b := &board{now: func() time.Duration { return 3 * sec }}
	b.add(sample{Node: "n0", Role: "leader", Term: 4})
	b.add(sample{Node: "n0", Role: "follower", Term: 5})
	b.add(sample{Node: "n1", Role: "leader", Term: 5})
	if b.leader(0) != "n1" || b.leader(4*sec) != "" || len(b.all()) != 3 {
		t.Error(b.leader(0))
	}
}

func TestFindMute(t *testing.T) {
	t.Parallel()
	o := DefaultOptions()
	nodes := nodeNames(3)
	history := func(answeredAt int) []*op {
		var ops []*op
		for i := range 6 {
			x := &op{Node: "n1", F: fRead, Code: codeTimeout, Outcome: outcomeFail, Invoke: time.Duration(i) * sec, Return: time.Duration(i+1) * sec, ReturnIndex: i}
			if i == answeredAt {
				x.Code = 11
			}
			ops = append(ops, x)
		}
		return ops
	}
	healed := newServability(o, nodes, []phase{{}}, newEras(nodes, nil))
	if findMute(history(-1), healed) == nil {
		t.Error("silence was not heard")
	}
	if findMute(history(3), healed) != nil {
		t.Error("it did answer once")
	}
	cut := newServability(o, nodes, []phase{{}, {At: 2 * sec, Kind: "x", Grudge: split(nodes[1:2], nodes[2:])}, {At: 2 * sec, Kind: "x", Grudge: split(nodes[1:2], []string{"n0", "n2"})}}, newEras(nodes, nil))
	if findMute(history(-1), cut) != nil {
		t.Error("it could not answer")
	}
}

// TestReplies: the closed schemas and the error table of lin-kv.
func TestReplies(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		f, body string
		outcome outcome
		code    int
		fault   bool
	}{
		{fRead, `{"type":"read_ok","in_reply_to":1,"value":3}`, outcomeOK, 0, false},
		{fRead, `{"type":"read_ok","in_reply_to":1,"value":3,"msg_id":9}`, outcomeOK, 0, false},
		{fRead, `{"type":"read_ok","in_reply_to":1,"value":3,"msg_id":"9"}`, outcomeInfo, codeBadBody, true},
		{fRead, `{"type":"read_ok","in_reply_to":1,"value":3,"term":9}`, outcomeInfo, codeBadBody, true},
		{fRead, `{"type":"read_ok","in_reply_to":1}`, outcomeInfo, codeBadBody, true},
		{fRead, `{"type":"write_ok","in_reply_to":1}`, outcomeInfo, codeBadBody, true},
		{fRead, `{"in_reply_to":1}`, outcomeInfo, codeBadBody, true},
		{fWrite, `{"type":"write_ok","in_reply_to":1}`, outcomeOK, 0, false},
		{fWrite, `{"type":"write_ok","in_reply_to":1,"value":3}`, outcomeInfo, codeBadBody, true},
		{fCAS, `{"type":"cas_ok","in_reply_to":1}`, outcomeOK, 0, false},
		{fCAS, `{"type":"error","in_reply_to":1,"code":22,"text":"x","more":1}`, outcomeFail, 22, false},
		{fCAS, `{"type":"error","in_reply_to":1,"code":0}`, outcomeInfo, codeZero, false},
		{fCAS, `{"type":"error","in_reply_to":1,"code":13}`, outcomeInfo, 13, false},
		{fCAS, `{"type":"error","in_reply_to":1,"code":99}`, outcomeInfo, 99, false},
		{fCAS, `{"type":"error","in_reply_to":1,"code":-4}`, outcomeInfo, codeUnknown, false},
		{fCAS, `{"type":"error","in_reply_to":1}`, outcomeInfo, codeUnknown, true},
		{fWrite, `{"type":"error","in_reply_to":1,"code":"11"}`, outcomeInfo, codeUnknown, true},
		{fRead, `{"type":"error","in_reply_to":1,"code":13}`, outcomeFail, 13, false},
		{fRead, `{"type":"error","in_reply_to":1}`, outcomeFail, codeUnknown, true},
	} {
		o := &op{F: c.f, Value: "[1,2]"}
		r := reply{line: []byte(c.body)}
		if err := json.Unmarshal(r.line, &r.fields); err != nil {
			t.Fatal(err)
		}
		f := linKV{}.interpret(o, r)
		if o.Outcome != c.outcome || o.Code != c.code || (f != nil) != c.fault {
			t.Errorf("%s %s: %s %d %+v", c.f, c.body, o.Outcome, o.Code, f)
		}
		if codeName(o.Code) == "" {
			t.Error("no name")
		}
	}
	for _, code := range definiteCodes {
		o := &op{F: fWrite}
		if f := (linKV{}).interpret(o, reply{fields: map[string]json.RawMessage{"type": []byte(`"error"`), "code": fmt.Append(nil, code)}}); f != nil || o.Outcome != outcomeFail {
			t.Errorf("code %d: %s", code, o.Outcome)
		}
	}
	for f, want := range map[string]outcome{fRead: outcomeFail, fWrite: outcomeInfo, fCAS: outcomeInfo} {
		o := &op{F: f}
		linKV{}.silent(o, codeTimeout)
		if o.Outcome != want || o.served() {
			t.Errorf("time-out of %s is %s", f, o.Outcome)
		}
	}
}

func TestRequests(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ f, value, want string }{
		{fRead, "null", `{"type":"read","key":7,"msg_id":3}`},
		{fWrite, "4", `{"type":"write","key":7,"value":4,"msg_id":3}`},
		{fCAS, "[1,2]", `{"type":"cas","key":7,"from":1,"to":2,"msg_id":3}`},
	} {
		if got := string((linKV{}).request(&op{F: c.f, Key: 7, Value: c.value}, 3)); got != c.want {
			t.Error(got)
		}
	}
}

// TestTerminalLine: on a terminal the progress line is rewritten and cleared.
func TestTerminalLine(t *testing.T) {
	t.Parallel()
	out := &testWriter{}
	p := newPrinter(out, false)
	p.terminal = true
	p.status("long line")
	p.status("short")
	p.line("done")
	if got := out.String(); got != "\rlong line\rshort    \r         \rdone\n" {
		t.Errorf("%q", got)
	}
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Skip(err)
	}
	defer null.Close()
	if !newPrinter(null, true).terminal {
		t.Log("no character device here")
	}
}

func TestStoreNamesAreUnique(t *testing.T) {
	t.Parallel()
	root, at := t.TempDir(), time.Now()
	a, errA := newStore(root, "lin-kv", at)
	b, errB := newStore(root, "lin-kv", at)
	if errA != nil || errB != nil || a == b || !strings.HasPrefix(b, a) {
		t.Error(a, b, errA, errB)
	}
	if one, two := drawSeed(), drawSeed(); one == 0 || one == two {
		t.Error("seeds", one, two)
	}
}

func TestElectionTimeoutOfTheNodes(t *testing.T) {
	if got := electionTimeout(nil); got != defaultElectionTimeoutMS {
		t.Errorf("%d ms of nodes that say nothing", got)
	}
	said := []sample{{ElectionTimeoutMS: 600}, {}, {ElectionTimeoutMS: 200}, {ElectionTimeoutMS: -5}, {ElectionTimeoutMS: 650}, {ElectionTimeoutMS: 1 << 60}}
	if got := electionTimeout(said); got != 600 {
		t.Errorf("%d ms, want the median of what is possible, 600", got)
	}
}
