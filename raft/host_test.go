package raft

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"
)

// journal is the state machine of these tests: it remembers the commands, in order.
type journal struct{ commands []string }

func (j *journal) Apply(_ Index, command string) string {
	j.commands = append(j.commands, command)
	return "did " + command
}

func (j *journal) Query(query string) string {
	return query + ":" + string(rune('0'+len(j.commands)))
}

// Settle: "a?" needs no execution as long as "a" has not been executed, "a!" as soon as it has been.
func (j *journal) Settle(command string) (string, bool) {
	name, last := command[:len(command)-1], command[len(command)-1]
	done := slices.Contains(j.commands, name)
	return "no " + name, last == '?' && !done || last == '!' && done
}

func (j *journal) Snapshot() []byte { return []byte(strings.Join(j.commands, " ")) }

func (j *journal) Restore(state []byte) error {
	if string(state) == "damaged" {
		return errors.New("damaged state")
	}
	j.commands = strings.Fields(string(state))
	return nil
}

// host drives one node by hand. Its peers exist only as names, and say what the test makes them say.
type host struct {
	*Node[string, string]
	t        *testing.T
	now      time.Duration
	disk     *MemoryStorage[string]
	journal  *journal
	sent     []Message // since the last call of take
	outcomes map[Ticket]Outcome[string]
	seq      uint64 // of proposals that peers forward
}

// start returns node n1 of a cluster of the given size.
func start(t *testing.T, size int, change ...func(*Config[string])) *host {
	t.Helper()
	return restart(t, &MemoryStorage[string]{}, size, change...)
}

func restart(t *testing.T, disk *MemoryStorage[string], size int, change ...func(*Config[string])) *host {
	t.Helper()
	config := Config[string]{ID: "n1", Seed: 1}
	for i := range size {
		config.Members = append(config.Members, NodeID("n"+string(rune('1'+i))))
	}
	for _, c := range change {
		c(&config)
	}
	h := &host{t: t, disk: disk, journal: &journal{}, outcomes: map[Ticket]Outcome[string]{}}
	saved, _ := disk.Load()
	node, err := New(config, h.journal, saved, 0)
	if err != nil {
		t.Fatal(err)
	}
	h.Node = node
	return h
}

// drain carries out all batches.
func (h *host) drain() {
	h.t.Helper()
	for {
		b := h.Take(h.now)
		if b.Empty() {
			return
		}
		_ = h.disk.Write(b.Changes)
		h.Saved(b)
		h.carryOut(b)
	}
}

func (h *host) carryOut(b Batch[string]) {
	h.t.Helper()
	h.sent = append(h.sent, b.Messages...)
	for _, o := range h.Apply(b) {
		if _, twice := h.outcomes[o.Ticket]; twice {
			h.t.Fatalf("second outcome for ticket %d", o.Ticket)
		}
		h.outcomes[o.Ticket] = o
	}
	if b.Capture != nil {
		h.Captured(h.now, b.Capture.Write())
	}
	if err := h.CheckInvariants(); err != nil {
		h.t.Fatal(err)
	}
}

// gets lets a message arrive from a peer.
func (h *host) gets(from NodeID, b Body) {
	h.t.Helper()
	if err := h.Step(h.now, Message{From: from, To: "n1", Body: b}); err != nil {
		h.t.Fatal(err)
	}
	h.drain()
}

// refuses checks that a message is refused and changes nothing.
func (h *host) refuses(from NodeID, b Body) {
	h.t.Helper()
	h.drain()
	before, sent := h.View(), len(h.sent)
	if err := h.Step(h.now, Message{From: from, To: "n1", Body: b}); err == nil {
		h.t.Errorf("took in %T%+v from %s", b, b, from)
	}
	h.drain()
	h.unchanged(before, sent)
}

func (h *host) unchanged(before View[string], sent int) {
	h.t.Helper()
	after := h.View()
	same := before.HardState == after.HardState && before.Role == after.Role && before.Leader == after.Leader &&
		slices.Equal(before.Log, after.Log) && before.Commit == after.Commit && before.Applied == after.Applied
	if !same || len(h.sent) != sent {
		h.t.Errorf("changed from %+v to %+v, sent %v", before, after, h.sent[sent:])
	}
}

// maxTurns is far more than a node may want to be called while a test waits.
const maxTurns = 100_000

// wait lets time pass, calling the node when it wants to be.
func (h *host) wait(d time.Duration) {
	h.t.Helper()
	end := h.now + d
	for turns := 0; ; turns++ {
		if turns > maxTurns {
			h.t.Fatal("the node wants to be called all the time, and has nothing to do")
		}
		next := h.Tick(h.now)
		h.drain()
		if next > end {
			h.now = end
			h.Tick(h.now)
			h.drain()
			return
		}
		h.now = max(next, h.now+1)
	}
}

// take returns the messages sent to a peer since it was last called for any peer.
func take[B Body](h *host, to NodeID) (bodies []B) {
	for _, m := range h.sent {
		if b, ok := m.Body.(B); ok && m.To == to {
			bodies = append(bodies, b)
		}
	}
	return bodies
}

// only returns the one message of its type sent to a peer, and forgets everything sent so far.
func only[B Body](h *host, to NodeID) B {
	h.t.Helper()
	bodies := take[B](h, to)
	h.sent = nil
	if len(bodies) != 1 {
		h.t.Fatalf("sent %d messages %+v to %s, want one", len(bodies), bodies, to)
	}
	return bodies[0]
}

// lead makes the node leader of the next term, by the votes of all peers.
func (h *host) lead() Term {
	h.t.Helper()
	for h.Status().Role != Leader {
		h.wait(10 * time.Millisecond)
		term := h.Status().Term
		for _, p := range h.core.others() {
			switch h.Status().Role {
			case PreCandidate:
				h.gets(p, PreVoteReply{Term: term + 1, Granted: true, At: h.now})
			case Candidate:
				h.gets(p, VoteReply{Term: h.Status().Term, Granted: true, At: h.now})
			}
		}
	}
	return h.Status().Term
}

// acks lets a peer confirm everything that was sent to it.
func (h *host) acks(from NodeID) {
	h.t.Helper()
	v := h.View()
	h.gets(from, AppendReply{Term: v.Term, OK: true, Match: v.Base + Index(len(v.Log)), At: h.now, Round: h.round()})
}

// round returns the newest round of the leader.
func (h *host) round() uint64 {
	if l, ok := h.core.role.(*leader[string]); ok {
		return l.round
	}
	return 0
}

// follow makes the node a follower of n2 in a term, with a log of entries of the given terms.
func (h *host) follow(term Term, terms ...Term) {
	h.t.Helper()
	h.gets("n2", AppendRequest[string]{Term: term, Entries: entries(1, terms...)})
	h.sent = nil
}

// entries returns entries from an index on, with the given terms. Their commands are their positions.
func entries(first Index, terms ...Term) (es []Entry[string]) {
	for i, t := range terms {
		index := first + Index(i)
		es = append(es, Entry[string]{
			Index: index, Term: t, ID: ProposalID{"n2", uint64(index)*100 + uint64(t)},
			Command: string(rune('a'+index-1)) + string(rune('0'+t)),
		})
	}
	return es
}

func (h *host) logTerms() (terms []Term) {
	for _, e := range h.View().Log {
		terms = append(terms, e.Term)
	}
	return terms
}

func (h *host) wantLog(terms ...Term) {
	h.t.Helper()
	if got := h.logTerms(); !slices.Equal(got, terms) {
		h.t.Errorf("log has terms %v, want %v", got, terms)
	}
}

func (h *host) wantCommit(i Index) {
	h.t.Helper()
	if got := h.Status().Commit; got != i {
		h.t.Errorf("commit index is %d, want %d", got, i)
	}
}

func (h *host) wantRole(r Role) {
	h.t.Helper()
	if got := h.Status().Role; got != r {
		h.t.Errorf("role is %v, want %v", got, r)
	}
}

// wantOutcome checks how a request ended; want is "" for not yet, a result, or the text of an error.
func (h *host) wantOutcome(k Ticket, want string) {
	h.t.Helper()
	got := ""
	if o, ok := h.outcomes[k]; ok {
		got = o.Result
		if o.Err != nil {
			got = o.Err.Error()
		}
	}
	if got != want {
		h.t.Errorf("ticket %d ended as %q, want %q", k, got, want)
	}
}

// threeVoters is the configuration of most tests.
var threeVoters = Configuration{Voters: []NodeID{"n1", "n2", "n3"}}

// others returns all members but this node, in the order of the configuration.
func (c *core[C]) others() []NodeID {
	return slices.DeleteFunc(c.config().members(), func(id NodeID) bool { return id == c.id })
}
