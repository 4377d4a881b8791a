package raft

import (
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"
)

// dice draws choices from the bytes of a fuzzer. When they have run out, it draws zeros.
type dice struct{ bytes []byte }

func (d *dice) roll(sides int) int {
	if len(d.bytes) == 0 {
		return 0
	}
	n := int(d.bytes[0])
	d.bytes = d.bytes[1:]
	return n % sides
}

// warp changes something within a value, to something near or to something absurd.
func (d *dice) warp(v reflect.Value) {
	numbers := []uint64{0, 1, 2, 7, math.MaxUint64, 1 << 40, 1 << 52, 1<<52 + 1, 1 << 63, math.MaxInt64}
	switch v.Kind() {
	case reflect.Bool:
		v.SetBool(!v.Bool())
	case reflect.String:
		v.SetString([]string{"", "n1", "n2", "n3", "n9"}[d.roll(5)])
	case reflect.Uint64, reflect.Int64:
		n := numbers[d.roll(len(numbers))]
		unsigned := v.CanUint()
		if d.roll(2) == 0 { // near to what it was
			n += map[bool]func() uint64{true: v.Uint, false: func() uint64 { return uint64(v.Int()) }}[unsigned]()
		}
		if unsigned {
			v.SetUint(n)
		} else {
			v.SetInt(int64(n))
		}
	case reflect.Pointer:
		fresh := reflect.New(v.Type().Elem()) // what was sent is shared
		if !v.IsNil() {
			fresh.Elem().Set(v.Elem())
		}
		for range d.roll(4) {
			d.warp(fresh.Elem())
		}
		v.Set(fresh)
	case reflect.Struct:
		d.warp(v.Field(d.roll(v.NumField())))
	case reflect.Slice:
		fresh := reflect.AppendSlice(reflect.MakeSlice(v.Type(), 0, v.Len()+1), v) // what was sent is shared
		if d.roll(3) == 0 {
			fresh = reflect.Append(fresh, reflect.Zero(v.Type().Elem()))
		}
		if n := fresh.Len(); n > 0 && d.roll(3) == 0 {
			fresh = fresh.Slice(0, n-1)
		} else if n > 0 {
			d.warp(fresh.Index(d.roll(n)))
		}
		v.Set(fresh)
	}
}

// allBodies has one body of every type.
var allBodies = []Body{
	PreVoteRequest{},
	PreVoteReply{},
	VoteRequest{},
	VoteReply{},
	AppendRequest[string]{},
	AppendReply{},
	SnapshotRequest{},
	SnapshotReply{},
	CommitNotice{},
	ForwardRequest[string]{},
	ReadRequest{},
	ReadReply{},
	ConfirmRequest{},
	ConfirmReply{},
	TransferRequest{},
	TransferReply{},
	TimeoutNow{},
	ChangeRequest{},
	ChangeReply{},
	AppendRequest[int]{},
}

// forge returns a message that nobody has sent: a real one with changes, or one made up from nothing.
func (d *dice) forge(real []Message) Message {
	m := Message{Body: allBodies[d.roll(len(allBodies))], From: members[d.roll(3)], To: members[d.roll(3)]}
	if len(real) > 0 && d.roll(4) > 0 {
		m = real[d.roll(len(real))]
	}
	body := reflect.New(reflect.TypeOf(m.Body)).Elem()
	body.Set(reflect.ValueOf(m.Body))
	for range d.roll(4) {
		d.warp(body)
	}
	m.Body = body.Interface().(Body)
	if d.roll(16) == 1 {
		d.warp(reflect.ValueOf(&m.From).Elem())
	}
	return m
}

var members = []NodeID{"n1", "n2", "n3"}

// Bounds of one run.
const (
	maxTold  = 64   // messages that are remembered, to be changed or delivered
	maxSteps = 2000 // steps of one run

	seededRuns = 16 // of noise, in every run of the tests
)

// town is three nodes and whatever is on its way between them.
type town struct {
	t         *testing.T
	now       time.Duration
	nodes     []*Node[string, string]
	disks     []MemoryStorage[string]
	committed [3][]Entry[string]
	terms     [3]Term
	waiting   [3]map[Ticket]bool
	told      []Message
}

func newTown(t *testing.T, early, resend bool, reads Reads) *town {
	w := &town{t: t, disks: make([]MemoryStorage[string], len(members))}
	for i, id := range members {
		cfg := Config[string]{
			ID: id, Members: members, Seed: uint64(i), EarlyCommit: early, Resend: resend, Reads: reads, FollowTheLoad: early == resend,
			MaxInflight: 3, MaxRequests: 8, MaxAppendBytes: 2,
		}
		n, err := New(cfg, &journal{}, Saved[string]{}, 0)
		if err != nil {
			t.Fatal(err)
		}
		w.nodes, w.waiting[i] = append(w.nodes, n), map[Ticket]bool{}
	}
	return w
}

// settle carries out what a node wants done, and checks it.
func (w *town) settle(i int) {
	n := w.nodes[i]
	for turn := 0; ; turn++ {
		b := n.Take(w.now)
		if b.Empty() {
			break
		}
		if turn > 100 {
			w.t.Fatal("it never has enough")
		}
		_ = w.disks[i].Write(b.Changes)
		n.Saved(b)
		w.told = append(w.told, b.Messages...)
		w.ends(i, n.Apply(b))
		if b.Capture != nil {
			n.Captured(w.now, b.Capture.Write())
		}
	}
	w.told = w.told[max(0, len(w.told)-maxTold):]
	if err := n.CheckInvariants(); err != nil {
		w.t.Fatal(err)
	}
	v := n.View()
	before := w.committed[i]
	for _, e := range before {
		if e.Index > v.Commit || e.Index > v.Base && v.Log[e.Index-v.Base-1] != e {
			w.t.Fatalf("%s had committed %+v, and goes back to %+v", members[i], e, v)
		}
	}
	if v.Term < w.terms[i] {
		w.t.Fatalf("%s goes back from term %d to %d", members[i], w.terms[i], v.Term)
	}
	w.terms[i], w.committed[i] = v.Term, slices.Clone(v.Log[:v.Commit-v.Base])
}

// contradict returns an append that is right in everything, but that it would replace what a node has committed.
func (w *town) contradict(d *dice, i int) Message {
	v := w.nodes[i].View()
	m := AppendRequest[string]{Term: v.Term + 1, PrevIndex: v.Base, PrevTerm: v.BaseTerm}
	if n := int(v.Commit - v.Base); n > 0 {
		if at := d.roll(n); at > 0 {
			m.PrevIndex, m.PrevTerm = v.Log[at-1].Index, v.Log[at-1].Term
		}
	}
	m.Entries = []Entry[string]{{Index: m.PrevIndex + 1, Term: m.Term}}
	return Message{From: members[(i+1)%len(members)], To: members[i], Body: m}
}

func (w *town) ends(i int, outcomes []Outcome[string]) {
	for _, o := range outcomes {
		if !w.waiting[i][o.Ticket] {
			w.t.Fatalf("%s ends ticket %d, which does not wait", members[i], o.Ticket)
		}
		delete(w.waiting[i], o.Ticket)
	}
}

// arrives hands a message to a node. If it is refused, nothing may have changed.
func (w *town) arrives(i int, m Message) {
	n := w.nodes[i]
	n.Tick(w.now)
	w.settle(i)
	before := n.View()
	if err := n.Step(w.now, m); err != nil {
		if after, b := n.View(), n.Take(w.now); !reflect.DeepEqual(before, after) || !b.Empty() {
			w.t.Fatalf("%v, but it changed %+v to %+v, and wants %+v", err, before, after, b)
		}
	}
	w.settle(i)
}

// step lets one thing happen.
func (w *town) step(d *dice) {
	i := d.roll(len(members))
	switch d.roll(8) {
	case 7:
		kinds := []ChangeKind{AddLearner, AddVoter, AddWitness, Promote, Remove, Replace, "none"}
		what := Change{Kind: kinds[d.roll(len(kinds))], Nodes: []NodeID{append(members, "n9")[d.roll(4)]}}
		w.waiting[i][w.nodes[i].ChangeMembership(w.now, what, w.now+time.Second)] = true
	case 6:
		to := append([]NodeID{""}, members...)[d.roll(4)]
		w.waiting[i][w.nodes[i].TransferLeadership(w.now, to, w.now+time.Second)] = true
	case 0:
		w.now += time.Duration(d.roll(256)) * time.Millisecond
		w.nodes[i].Tick(w.now)
	case 1, 2: // the mail, as it should be
		mail := w.told
		w.told = nil
		for _, m := range mail {
			if to := slices.Index(members, m.To); to >= 0 {
				w.arrives(to, m)
			}
		}
	case 3, 4:
		m := d.forge(w.told)
		if to := slices.Index(members, m.To); to >= 0 && d.roll(16) > 0 {
			i = to
		}
		if d.roll(8) == 1 {
			m = w.contradict(d, i)
		}
		w.arrives(i, m)
	case 5:
		request := w.nodes[i].Propose
		if d.roll(2) == 0 {
			request = w.nodes[i].Read
		}
		w.waiting[i][request(w.now, "x", w.now+time.Second)] = true
	}
	w.settle(i)
}

// FuzzMessages lets three nodes work, and tells them things besides that nobody has said. Among liars the nodes need not agree; but each has to
// stay whole, refuse without a trace, never take back what it holds for committed, and end each request once.
func FuzzMessages(f *testing.F) {
	f.Add([]byte{})
	var work, lies []byte
	for i := range 120 {
		work = append(work, 0, 0, 200, 0, 1, byte(i), 5, byte(i/2))
		lies = append(lies, byte(i), 0, byte(40*i), byte(i), 1, byte(i), 3, 1, byte(7*i), byte(3*i), 3, byte(i), byte(5*i), 1, 1, byte(i), 5, 1)
	}
	f.Add(work)
	f.Add(lies)
	for seed := range uint64(seededRuns) {
		rng, noise := rand.New(rand.NewPCG(seed, 0)), make([]byte, 3*maxSteps/2)
		for i := range noise {
			noise[i] = byte(rng.Uint32())
		}
		f.Add(noise)
	}
	f.Fuzz(func(t *testing.T, bytes []byte) {
		d := &dice{bytes}
		early, rest := d.roll(2) == 1, d.roll(6)
		w := newTown(t, early, rest%2 == 1, Reads(rest/2))
		for range maxSteps {
			if len(d.bytes) == 0 {
				break
			}
			w.step(d)
		}
		for i, n := range w.nodes {
			w.ends(i, n.Close())
			if len(w.waiting[i]) > 0 {
				t.Fatalf("%s has forgotten %v", members[i], w.waiting[i])
			}
		}
	})
}
