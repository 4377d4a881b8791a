package session

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"

	"maelraft/raft"
)

// recorder is the wrapped machine of the tests. It answers with the number of executions so far, so that no two executions have the
// same answer.
type recorder struct{ executed []string }

func (r *recorder) Apply(command string) string {
	r.executed = append(r.executed, command)
	return fmt.Sprintf("%s#%d", command, len(r.executed))
}

func (r *recorder) Query(command string) string {
	return fmt.Sprintf("%s?%d", command, len(r.executed))
}

// Settle: the command "idle" would change nothing.
func (r *recorder) Settle(command string) (string, bool) { return "idle", command == "idle" }

func (r *recorder) Snapshot() []byte { return []byte(strings.Join(r.executed, "\n")) }

func (r *recorder) Restore(state []byte) error {
	if bytes.Contains(state, []byte("damage")) {
		return errors.New("damaged")
	}
	r.executed = nil
	if len(state) > 0 {
		r.executed = strings.Split(string(state), "\n")
	}
	return nil
}

// digest distinguishes the commands of the tests.
func digest(command string) uint64 {
	var d uint64
	for _, c := range command {
		d = d*1_000_003 + uint64(c)
	}
	return d
}

func newMachine(t testing.TB, limits Limits) (*Machine[string, string], *recorder) {
	t.Helper()
	r := &recorder{}
	m, err := New(r, digest, limits)
	if err != nil {
		t.Fatal(err)
	}
	return m, r
}

// log feeds a machine and counts the index.
type log struct {
	t     *testing.T
	m     *Machine[string, string]
	index raft.Index
}

// apply appends a command and expects an answer: "executed", "forgotten", "reused", or a result.
func (l *log) apply(c Command[string], want string) {
	l.t.Helper()
	l.index++
	before := l.m.State()
	got := l.m.Apply(l.index, c)
	executedNow := len(l.m.State().Clients) > 0 && lastOf(l.m.State()) == l.index
	if !executedNow && !reflect.DeepEqual(before, l.m.State()) {
		l.t.Errorf("index %d: %+v was not executed and changed the state", l.index, c)
	}
	if want != string(got.Status) && (got.Status != Executed || want != got.Result) {
		l.t.Errorf("index %d: %+v: answer %+v, want %s", l.index, c, got, want)
	}
}

func lastOf(s State[string]) raft.Index { return s.Clients[len(s.Clients)-1].Last }

func command(client string, id uint64, seen raft.Index, op string) Command[string] {
	return Command[string]{Client: client, ID: id, Seen: seen, Op: op}
}

func TestCopiesGetTheFirstAnswer(t *testing.T) {
	m, r := newMachine(t, Limits{})
	l := log{t: t, m: m}
	l.apply(command("a", 1, 0, "x"), "x#1")
	l.apply(command("a", 2, 0, "x"), "x#2") // another id is another request
	l.apply(command("b", 1, 0, "x"), "x#3") // and so is another client's
	l.apply(command("a", 1, 0, "x"), "x#1")
	l.apply(command("b", 1, 4, "x"), "x#3") // sent again by the client, stamped elsewhere
	l.apply(command("a", 0, 0, "y"), "y#4") // overtaken
	l.apply(command("a", math.MaxUint64, 0, "z"), "z#5")
	l.apply(command("a", math.MaxUint64, 0, "z"), "z#5")
	l.apply(command("a", 0, 0, "y"), "y#4")
	if len(r.executed) != 5 || m.Len() != 2 {
		t.Errorf("executed %v for %d clients", r.executed, m.Len())
	}
}

func TestReusedIDGetsNobodysAnswer(t *testing.T) {
	m, r := newMachine(t, Limits{})
	l := log{t: t, m: m}
	l.apply(command("a", 1, 0, "x"), "x#1")
	l.apply(command("a", 1, 0, "y"), "reused")
	l.apply(command("a", 1, 0, "x"), "x#1")
	if len(r.executed) != 1 {
		t.Errorf("executed %v", r.executed)
	}
	trusting, err := New(&recorder{}, nil, Limits{})
	if err != nil {
		t.Fatal(err)
	}
	l = log{t: t, m: trusting}
	l.apply(command("a", 1, 0, "x"), "x#1")
	l.apply(command("a", 1, 0, "y"), "x#1") // as documented: without a digest the id alone is trusted
}

// TestWindow: what has left the window is never executed again, whatever its stamp says.
func TestWindow(t *testing.T) {
	m, r := newMachine(t, Limits{AnswersPerClient: 2})
	l := log{t: t, m: m}
	l.apply(command("a", 10, 0, "x"), "x#1")
	l.apply(command("a", 30, 0, "y"), "y#2")
	l.apply(command("a", 20, 0, "z"), "z#3")       // forgets 10
	l.apply(command("a", 10, 0, "x"), "forgotten") // a copy
	l.apply(command("a", 10, 4, "x"), "forgotten") // sent again by the client
	l.apply(command("a", 5, 5, "n"), "forgotten")  // never executed, but who knows
	l.apply(command("a", 11, 0, "o"), "o#4")       // not below the floor: cannot have been forgotten; forgets itself
	l.apply(command("a", 11, 0, "o"), "forgotten")
	l.apply(command("a", 20, 0, "z"), "z#3")
	l.apply(command("a", 30, 0, "y"), "y#2")
	l.apply(command("b", 1, 0, "b"), "b#5") // others are not concerned
	if len(r.executed) != 5 {
		t.Errorf("executed %v", r.executed)
	}
}

// TestHugeIDsDoNotLockAClientOut: a window that forgot the oldest answer instead of the lowest id would answer Forgotten for ever.
func TestHugeIDsDoNotLockAClientOut(t *testing.T) {
	m, _ := newMachine(t, Limits{AnswersPerClient: 2})
	l := log{t: t, m: m}
	l.apply(command("a", math.MaxUint64, 0, "huge"), "executed")
	l.apply(command("a", math.MaxUint64-1, 0, "huge"), "executed")
	for id := range uint64(10) {
		l.apply(command("a", id, l.index, "small"), "executed")
	}
}

// TestEviction: the client that executed nothing for longest goes, and its commands are known by their Seen.
func TestEviction(t *testing.T) {
	m, r := newMachine(t, Limits{Clients: 2})
	l := log{t: t, m: m}
	l.apply(command("a", 1, 0, "x"), "x#1") // index 1
	l.apply(command("b", 1, 0, "x"), "x#2") // index 2
	l.apply(command("a", 1, 2, "x"), "x#1") // a copy does not count as use
	l.apply(command("c", 1, 0, "x"), "x#3") // index 4: evicts a, last seen executing at index 1
	l.apply(command("a", 1, 0, "x"), "forgotten")
	l.apply(command("d", 9, 0, "n"), "forgotten") // a new client whose node lags behind index 1: it might be a
	l.apply(command("b", 2, 0, "y"), "y#4")       // index 7; b was there all the time
	l.apply(command("d", 9, 1, "n"), "n#5")       // index 8: evicts c, 4
	l.apply(command("a", 2, 4, "z"), "z#6")       // index 9: a again, evicts b, 7
	l.apply(command("a", 1, 0, "x"), "forgotten") // the old copy still is not executed
	l.apply(command("a", 1, 3, "x"), "forgotten") // Since is 4
	l.apply(command("b", 2, 6, "y"), "forgotten")
	l.apply(command("a", 2, 4, "z"), "z#6")
	if len(r.executed) != 6 || m.Len() != 2 {
		t.Errorf("executed %v for %d clients", r.executed, m.Len())
	}
	// The documented limit of the guarantee: sent again by the client itself, after eviction, and stamped after all that was evicted.
	l.apply(command("b", 2, 7, "y"), "y#7")
}

// TestForgottenIsNoPromise: a command that was refused once may be executed when another copy arrives, which is why its fate is
// unknown rather than sealed.
func TestForgottenIsNoPromise(t *testing.T) {
	m, _ := newMachine(t, Limits{Clients: 1, AnswersPerClient: 1})
	l := log{t: t, m: m}
	l.apply(command("a", 4, 0, "x"), "x#1")
	l.apply(command("a", 6, 0, "y"), "y#2")
	late := command("a", 3, 3, "late")
	l.apply(late, "forgotten")
	l.apply(command("b", 1, 3, "z"), "z#3") // evicts a and its floor
	l.apply(late, "late#4")
	l.apply(late, "late#4")
}

func TestQueryPassesThrough(t *testing.T) {
	m, _ := newMachine(t, Limits{})
	l := log{t: t, m: m}
	l.apply(command("a", 1, 0, "x"), "x#1")
	before := m.State()
	if got := m.Query(command("a", 1, 0, "x")); got != (Result[string]{Executed, "x?1"}) {
		t.Errorf("Query: %+v", got)
	}
	if !reflect.DeepEqual(before, m.State()) {
		t.Error("a query changed the state")
	}
}

// A command that was executed, or may have been, is settled by that; only of others the wrapped machine says whether they would change
// anything. Nothing of it is remembered.
func TestSettle(t *testing.T) {
	m, _ := newMachine(t, Limits{AnswersPerClient: 2})
	for id := range uint64(3) {
		m.Apply(raft.Index(id+1), Command[string]{Client: "c", ID: id, Op: "idle"})
	}
	before := m.Snapshot()
	for _, c := range []struct {
		id      uint64
		op      string
		want    Result[string]
		settled bool
	}{
		{2, "idle", Result[string]{Executed, "idle#3"}, true},
		{2, "other", Result[string]{Status: Reused}, true},
		{0, "idle", Result[string]{Status: Forgotten}, true},
		{3, "idle", Result[string]{Executed, "idle"}, true},
	} {
		got, settled := m.Settle(Command[string]{Client: "c", ID: c.id, Op: c.op})
		if got != c.want || settled != c.settled {
			t.Errorf("%d %s: %+v, %t", c.id, c.op, got, settled)
		}
	}
	if _, settled := m.Settle(Command[string]{Client: "c", ID: 3, Op: "other"}); settled {
		t.Error("a command is settled that would change something")
	}
	if !bytes.Equal(before, m.Snapshot()) {
		t.Error("settling has changed the state")
	}
	simple, err := New(struct{ Inner[string, string] }{&recorder{}}, digest, Limits{})
	if err != nil {
		t.Fatal(err)
	}
	if _, settled := simple.Settle(Command[string]{Client: "c", Op: "idle"}); settled {
		t.Error("a command is settled of which the wrapped machine says nothing")
	}
}

func TestLimits(t *testing.T) {
	for _, limits := range []Limits{{Clients: -1}, {AnswersPerClient: -1}} {
		if _, err := New(&recorder{}, digest, limits); err == nil {
			t.Errorf("%+v was accepted", limits)
		}
	}
	m, _ := newMachine(t, Limits{})
	if m.limits != (Limits{Clients: DefaultClients, AnswersPerClient: DefaultAnswersPerClient}) {
		t.Errorf("default limits %+v", m.limits)
	}
	m, _ = newMachine(t, Limits{Clients: 3, AnswersPerClient: 5})
	l := log{t: t, m: m}
	for id := range uint64(1000) {
		l.apply(command(fmt.Sprint("client ", id/7%10), id, l.index, "x"), "executed")
	}
	s := m.State()
	remembered := 0
	for _, p := range m.clients.parts {
		remembered += len(p.records)
	}
	if m.Len() != 3 || len(s.Clients) != 3 || remembered != 3 {
		t.Errorf("%d clients", len(s.Clients))
	}
	for _, c := range s.Clients {
		if len(c.Answers) > 5 || cap(m.client(c.Name).Answers) > 16 {
			t.Errorf("%d answers, room for %d", len(c.Answers), cap(m.client(c.Name).Answers))
		}
	}
}

func TestCommandJSON(t *testing.T) {
	b, err := json.Marshal(command("c1", 4, 12, "x"))
	if want := `{"client":"c1","id":4,"seen":12,"do":"x"}`; err != nil || string(b) != want {
		t.Errorf("%s, %v, want %s", b, err, want)
	}
}

// What is not a snapshot of such a machine is refused, and changes nothing.
func TestRestoreRefuses(t *testing.T) {
	m, inner := newMachine(t, Limits{Clients: 2, AnswersPerClient: 2})
	l := log{t: t, m: m}
	for i, name := range []string{"a", "b", "c"} {
		l.apply(command(name, uint64(i), l.index, "x"), "executed")
	}
	good := string(m.Snapshot())
	larger, _ := newMachine(t, Limits{Clients: 9, AnswersPerClient: 2})
	for i := range 5 {
		larger.Apply(raft.Index(i+1), command(fmt.Sprint(i), 1, 0, "x"))
	}
	damaged, _ := newMachine(t, Limits{})
	damaged.Apply(1, command("a", 1, 0, "damage"))
	for name, bad := range map[string]string{
		"nothing": "", "another JSON": "[]", "an empty object": "{}", "a space": good + " ", "half": good[:len(good)/2],
		"more clients": string(larger.Snapshot()), "a damaged machine": string(damaged.Snapshot()),
	} {
		if err := m.Restore([]byte(bad)); err == nil {
			t.Errorf("%s: accepted", name)
		}
		if string(m.Snapshot()) != good || len(inner.executed) != 3 {
			t.Fatalf("%s: changed the state", name)
		}
	}
	if err := m.Restore([]byte(good)); err != nil || string(m.Snapshot()) != good {
		t.Errorf("its own snapshot: %v", err)
	}
}

func TestSetStateRefuses(t *testing.T) {
	m, _ := newMachine(t, Limits{Clients: 2, AnswersPerClient: 2})
	l := log{t: t, m: m}
	for i, name := range []string{"a", "b", "c", "c", "c"} {
		l.apply(command(name, uint64(i), l.index, "x"), "executed")
	}
	good := m.State()
	for name, spoil := range map[string]func(s *State[string]){
		"too many clients":      func(s *State[string]) { s.Clients = append(s.Clients, Client[string]{Name: "d", Last: 9}) },
		"a client twice":        func(s *State[string]) { s.Clients[1].Name = s.Clients[0].Name },
		"clients out of order":  func(s *State[string]) { s.Clients[1].Last = s.Clients[0].Last },
		"evicted after use":     func(s *State[string]) { s.Evicted = s.Clients[0].Last },
		"since the future":      func(s *State[string]) { s.Clients[0].Since = s.Evicted + 1 },
		"no answers":            func(s *State[string]) { s.Clients[0].Answers = nil },
		"too many answers":      func(s *State[string]) { s.Clients[0].Answers = make([]Answer[string], 3) },
		"answer below floor":    func(s *State[string]) { s.Clients[0].Floor = s.Clients[0].Answers[0].ID + 1 },
		"answers out of order":  func(s *State[string]) { s.Clients[1].Answers[1].ID = 0 },
		"answers with equal id": func(s *State[string]) { s.Clients[1].Answers[1].ID = s.Clients[1].Answers[0].ID },
	} {
		bad := m.State()
		spoil(&bad)
		if err := m.SetState(bad); err == nil {
			t.Errorf("%s: accepted", name)
		}
		if !reflect.DeepEqual(m.State(), good) {
			t.Fatalf("%s: changed the state", name)
		}
	}
	if err := m.SetState(good); err != nil || !reflect.DeepEqual(m.State(), good) {
		t.Errorf("its own state: %v", err)
	}
	good.Clients[0].Answers[0].Result = "spoilt"
	if m.State().Clients[0].Answers[0].Result == "spoilt" {
		t.Error("the machine shares memory with a state")
	}
}

func BenchmarkApply(b *testing.B) {
	m, err := New[int, int](nothing{}, nil, Limits{})
	if err != nil {
		b.Fatal(err)
	}
	names := make([]string, 2*DefaultClients) // half of them make room for each other
	for i := range names {
		names[i] = fmt.Sprint("c", i)
	}
	b.ReportAllocs()
	for i := raft.Index(1); b.Loop(); i++ {
		name := names[0]
		if i%16 == 0 {
			name = names[i%raft.Index(len(names))]
		}
		m.Apply(i, Command[int]{Client: name, ID: uint64(i), Seen: i - 1})
	}
}

type nothing struct{}

func (nothing) Apply(int) int        { return 0 }
func (nothing) Query(int) int        { return 0 }
func (nothing) Snapshot() []byte     { return nil }
func (nothing) Restore([]byte) error { return nil }
