package raft

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	// goldenTimeout is the paper's: followers wait between 150 and 300 ms (§5.2), leaders send heartbeats every 50 ms.
	goldenTimeout = 150 * time.Millisecond
	// goldenDeadline is longer than any scenario.
	goldenDeadline = 30 * time.Second
)

// stage is the cluster of a scenario: real nodes, and everything between them under the scenario's control.
type stage struct {
	actors    []*actor
	wire      []*Message // under way, in the order in which they were sent
	shelf     map[string]*Message
	batches   map[uint64]int  // small numbers for the batches of reads, in the order in which they are met
	leaders   map[Term]NodeID // of all times
	committed map[Index]Entry[string]
	out       []string
	quiet     bool
}

// actor is one node with its disk, its clock and its clients.
type actor struct {
	id      NodeID
	config  Config[string]
	node    *Node[string, string] // nil: it is down
	now     time.Duration         // its own clock
	disk    *MemoryStorage[string]
	slow    bool
	pending *Batch[string] // taken, and waiting for the slow disk
	asked   map[Ticket]string
}

// register is the state machine of the scenarios: "x=1" sets x, "x" reads it.
type register map[string]string

func (r register) Apply(_ Index, command string) string {
	if key, value, ok := strings.Cut(command, "="); ok {
		r[key] = value
	}
	return "ok"
}

func (r register) Snapshot() []byte {
	var words []string
	for _, key := range slices.Sorted(maps.Keys(r)) {
		words = append(words, key+"="+r[key])
	}
	return []byte(strings.Join(words, " "))
}

func (r register) Restore(state []byte) error {
	clear(r)
	for _, word := range strings.Fields(string(state)) {
		r.Apply(0, word)
	}
	return nil
}

func (r register) Query(key string) string {
	if value, ok := r[key]; ok {
		return value
	}
	return "nothing"
}

// newStage builds the cluster that the lines of a cluster command describe.
func newStage(lines []string) *stage {
	s := &stage{
		shelf: map[string]*Message{}, batches: map[uint64]int{}, leaders: map[Term]NodeID{}, committed: map[Index]Entry[string]{},
	}
	options := optionsOf(lines[0])
	size, _ := strconv.Atoi(options["nodes"])
	appends, _ := strconv.Atoi(options["append"])
	_, early := options["early"]
	reads := ReadIndex
	if _, ok := options["lease"]; ok {
		reads = LeaseReads
	}
	snapshots, err := strconv.Atoi(options["snapshots"])
	if err != nil {
		snapshots = -1 // none
	}
	var members []NodeID
	for i := range size {
		members = append(members, NodeID(fmt.Sprint("n", i+1)))
	}
	joiners, _ := strconv.Atoi(options["joiners"])
	catchUp, _ := time.ParseDuration(options["catchup"])
	for i := range size + joiners {
		id := NodeID(fmt.Sprint("n", i+1))
		s.actors = append(s.actors, &actor{id: id, disk: &MemoryStorage[string]{}, config: Config[string]{
			ID: id, Members: members, Seed: uint64(10 * (i + 1)), ElectionTimeout: goldenTimeout, EarlyCommit: early, Reads: reads, MaxAppendBytes: appends,
			SnapshotEntries: snapshots, TrailingEntries: -1, MaxChunkBytes: 8, CatchUp: catchUp,
		}})
	}
	for _, line := range lines[1:] {
		if a := s.actor(strings.Split(line, " ")[0]); a != nil {
			a.disk.saved = savedOf(optionsOf(line))
		}
	}
	for _, a := range s.actors {
		s.boot(a)
	}
	return s
}

// optionsOf returns the words of a line, split at the first "=".
func optionsOf(line string) map[string]string {
	options := map[string]string{}
	for _, word := range strings.Fields(line) {
		key, value, _ := strings.Cut(word, "=")
		options[key] = value
	}
	return options
}

// savedOf returns what a node has on disk that lived before the scenario. Entries with the same index and term are the same everywhere.
func savedOf(options map[string]string) (saved Saved[string]) {
	for i, word := range strings.Split(options["log"], ",") {
		if term, err := strconv.Atoi(word); err == nil {
			saved.Entries = append(saved.Entries, Entry[string]{
				Index: Index(i + 1), Term: Term(term), ID: ProposalID{"client", uint64(i+1)*100 + uint64(term)},
			})
			saved.Term = Term(term)
		}
	}
	if term, err := strconv.Atoi(options["term"]); err == nil {
		saved.Term = Term(term)
	}
	saved.VotedFor = NodeID(options["vote"])
	return saved
}

func (s *stage) actor(id string) *actor {
	for _, a := range s.actors {
		if string(a.id) == id {
			return a
		}
	}
	return nil
}

// boot starts a node from its disk.
func (s *stage) boot(a *actor) {
	saved, _ := a.disk.Load()
	node, err := New(a.config, register{}, saved, a.now)
	if err != nil {
		panic(err) // the scenario describes an impossible disk
	}
	a.node, a.asked = node, map[Ticket]string{}
}

// act lets a node take in one input, and tells what comes of it.
func (s *stage) act(a *actor, cause *Message, input func() error) {
	before, told := a.node.View(), len(s.out)
	err := input()
	sent, outcomes := s.drain(a)
	if err != nil {
		s.say("  %s does not believe it: %v", a.id, err)
	}
	s.narrate(a, before, a.node.View())
	for _, m := range sent {
		s.say("  %s to %s: %s%s", a.id, m.To, s.words(m), s.reason(cause, m, before))
	}
	s.answer(a, outcomes)
	if cause != nil && len(s.out) == told {
		s.say("  nothing changes")
	}
}

// drain carries out the batches of a node; on a slow disk the first one is left to wait.
func (s *stage) drain(a *actor) (sent []*Message, outcomes []Outcome[string]) {
	for a.pending == nil {
		b := a.node.Take(a.now)
		if b.Empty() {
			break
		}
		if a.slow && !b.Changes.Empty() {
			a.pending = &b
			break
		}
		m, o := s.carryOut(a, b)
		sent, outcomes = append(sent, m...), append(outcomes, o...)
	}
	return sent, outcomes
}

func (s *stage) carryOut(a *actor, b Batch[string]) (sent []*Message, outcomes []Outcome[string]) {
	_ = a.disk.Write(b.Changes)
	a.node.Saved(b)
	for _, m := range b.Messages {
		sent = append(sent, &m)
	}
	s.wire = append(s.wire, sent...)
	outcomes = a.node.Apply(b)
	if b.Capture != nil {
		a.node.Captured(a.now, b.Capture.Write())
	}
	return sent, outcomes
}

func (s *stage) deliver(m *Message) {
	s.say("%s", s.message(m))
	a := s.actor(string(m.To))
	if a.node == nil {
		s.say("  %s is down", a.id)
		return
	}
	s.act(a, m, func() error { return a.node.Step(a.now, *m) })
}

// settle lets messages between some nodes arrive, and the answers to them, until there are none left.
func (s *stage) settle(among []*actor, which func(Body) bool) {
	for {
		i := slices.IndexFunc(s.wire, func(m *Message) bool {
			return which(m.Body) && slices.Contains(among, s.actor(string(m.From))) && slices.Contains(among, s.actor(string(m.To)))
		})
		if i < 0 {
			return
		}
		m := s.wire[i]
		s.wire = slices.Delete(s.wire, i, i+1)
		s.deliver(m)
	}
}

// elect lets a node stand for election among some others.
func (s *stage) elect(a *actor, among []*actor) {
	isVote := func(b Body) bool {
		switch b.(type) {
		case PreVoteRequest, PreVoteReply, VoteRequest, VoteReply:
			return true
		}
		return false
	}
	for _, other := range among {
		if other != a && other.node != nil {
			s.tick(other, other.silence())
		}
	}
	s.timeout(a)
	s.settle(among, isVote)
	s.wire = slices.DeleteFunc(s.wire, func(m *Message) bool { return m.From == a.id && isVote(m.Body) })
}

// silence returns how long a node must hear nothing until it would vote for another one than its leader.
func (a *actor) silence() time.Duration {
	if until := a.node.core.promised; until > a.now {
		return until - a.now
	}
	if f, ok := a.node.core.role.(*follower[string]); ok && f.leader != "" {
		return max(0, f.heardAt+goldenTimeout-a.now)
	}
	return 0
}

// timeout moves the clock of a node to where its election timer runs out.
func (s *stage) timeout(a *actor) {
	d := a.node.core.electionAt - a.now
	s.say("after %v, the election timer of %s runs out", d.Round(time.Millisecond), a.id)
	s.tick(a, d)
}

// tick moves the clock of a node, which does what is due on the way.
func (s *stage) tick(a *actor, d time.Duration) {
	for end := a.now + d; a.node != nil; {
		var next time.Duration
		s.act(a, nil, func() error { next = a.node.Tick(a.now); return nil })
		if a.now == end {
			return
		}
		a.now = min(max(next, a.now+1), end)
	}
	a.now += d // nobody looks at the clock of a node that is down
}

// ask makes a client's request.
func (s *stage) ask(a *actor, kind, what string) {
	s.act(a, nil, func() error {
		call, name := a.node.Propose, "write "
		if kind == "read" {
			call, name = a.node.Read, "read "
		}
		a.asked[call(a.now, what, a.now+goldenDeadline)] = name + what
		return nil
	})
}

// transfer asks a node for another one to lead.
func (s *stage) transfer(a *actor, to []*actor) {
	s.act(a, nil, func() error {
		id, what := NodeID(""), "transfer"
		if len(to) > 0 {
			id, what = to[0].id, fmt.Sprint("transfer to ", to[0].id)
		}
		a.asked[a.node.TransferLeadership(a.now, id, a.now+goldenDeadline)] = what
		return nil
	})
}

// change asks a node for another membership.
func (s *stage) change(a *actor, words []string) {
	s.act(a, nil, func() error {
		what := Change{Kind: ChangeKind(words[0])}
		for _, id := range words[1:] {
			what.Nodes = append(what.Nodes, NodeID(id))
		}
		a.asked[a.node.ChangeMembership(a.now, what, a.now+goldenDeadline)] = strings.Join(words, " ")
		return nil
	})
}

func (s *stage) answer(a *actor, outcomes []Outcome[string]) {
	for _, o := range outcomes {
		if kind, _, _ := strings.Cut(a.asked[o.Ticket], " "); o.Err == nil && kind != "write" && kind != "read" {
			s.tell("  %s answers its client's %s: done", a.id, a.asked[o.Ticket])
		} else if o.Err != nil {
			s.tell("  %s ends its client's %s: %v", a.id, a.asked[o.Ticket], o.Err)
		} else {
			s.tell("  %s answers its client's %s: %s", a.id, a.asked[o.Ticket], o.Result)
		}
	}
}

// sync makes durable what waits for the disk of a node.
func (s *stage) sync(a *actor) {
	b := a.pending
	a.slow, a.pending = false, nil
	s.say("what %s has written is durable", a.id)
	s.act(a, nil, func() error {
		if b != nil {
			sent, outcomes := s.carryOut(a, *b)
			for _, m := range sent {
				s.say("  %s to %s: %s", a.id, m.To, s.words(m))
			}
			s.answer(a, outcomes)
		}
		return nil
	})
}

func (s *stage) crash(a *actor) {
	a.node, a.slow, a.pending = nil, false, nil
	s.say("%s is down", a.id)
}

func (s *stage) restart(a *actor) {
	s.boot(a)
	v := a.node.View()
	s.say("%s starts from its disk: term %d, vote %s, log %s", a.id, v.Term, orNone(v.VotedFor), logWords(v))
}

func (s *stage) close(a *actor) {
	s.say("%s shuts down", a.id)
	s.answer(a, a.node.Close())
	s.crash(a)
}

// violations checks what must hold of the cluster as a whole, at every moment (Figure 3), and of each node.
func (s *stage) violations() (found []string) {
	for _, a := range s.actors {
		if a.node == nil {
			continue
		}
		v := a.node.View()
		if err := a.node.CheckInvariants(); err != nil {
			found = append(found, err.Error())
		}
		if v.Role == Leader {
			if other, ok := s.leaders[v.Term]; ok && other != a.id {
				found = append(found, fmt.Sprintf("%s and %s are both leaders of term %d", other, a.id, v.Term))
			}
			s.leaders[v.Term] = a.id
		}
		committed, _ := parts(v)
		for _, e := range committed {
			if v.Configuration.Witness(a.id) && e.IsNoOp() {
				continue // it may stand for a command
			}
			if other, ok := s.committed[e.Index]; ok && (other.Term != e.Term || other.ID != e.ID) {
				found = append(found, fmt.Sprintf("%s has committed %s at %d, where %s was", a.id, entryWords(e), e.Index, entryWords(other)))
				continue
			}
			s.committed[e.Index] = e
		}
		if last, _ := lastOf(v); v.Role == Leader && v.Term >= slices.Max(slices.Collect(maps.Keys(s.leaders))) {
			for i := range s.committed {
				if i > last {
					found = append(found, fmt.Sprintf("%s leads term %d without %d, which is committed", a.id, v.Term, i))
				}
			}
		}
	}
	return found
}
