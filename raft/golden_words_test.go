package raft

import (
	"fmt"
	"strings"
	"time"
)

// The words in which scenarios are told.

// say adds a line to what a command tells.
func (s *stage) say(format string, args ...any) {
	if !s.quiet {
		s.tell(format, args...)
	}
}

// tell adds a line that is told even by a quiet command.
func (s *stage) tell(format string, args ...any) {
	line := fmt.Sprintf(format, args...)
	if s.quiet {
		line = strings.TrimLeft(line, " ")
	}
	s.out = append(s.out, line)
}

// narrate tells what an input has changed in a node.
func (s *stage) narrate(a *actor, before, after View[string]) {
	s.narrateRole(a, before, after)
	s.narrateLog(a, before, after)
	if a.pending != nil {
		s.say("  %s waits for its disk", a.id)
	}
	if after.Commit != before.Commit {
		term := after.BaseTerm
		if committed, _ := parts(after); len(committed) > 0 {
			term = committed[len(committed)-1].Term
		}
		s.tell("  %s knows up to %s to be committed", a.id, place(after.Commit, term))
	}
}

func (s *stage) narrateLog(a *actor, before, after View[string]) {
	if n := after.Snapshot; n.Index != before.Snapshot.Index {
		s.tell("  %s has a snapshot of %s on disk: %q%s", a.id, place(n.Index, n.Term), n.State, membersWords(n.Configuration))
	}
	if after.Base != before.Base {
		s.tell("  %s has nothing up to %s in its log any more", a.id, place(after.Base, after.BaseTerm))
		for len(before.Log) > 0 && before.Log[0].Index <= after.Base {
			before.Log = before.Log[1:]
		}
	}
	same := 0
	for same < min(len(before.Log), len(after.Log)) && before.Log[same].Term == after.Log[same].Term &&
		before.Log[same].ID == after.Log[same].ID {
		same++
	}
	if dropped := before.Log[same:]; len(dropped) > 0 {
		s.say("  %s drops from %d on: %s", a.id, dropped[0].Index, entriesWords(dropped))
	}
	if added := after.Log[same:]; len(added) > 0 {
		s.say("  %s appends from %d on: %s", a.id, added[0].Index, entriesWords(added))
	}
	if now := after.Configuration.String(); now != before.Configuration.String() {
		s.tell("  %s goes by the members %s", a.id, now)
	}
}

func (s *stage) narrateRole(a *actor, before, after View[string]) {
	switch {
	case after.Role != before.Role || after.Role != Follower && after.Term != before.Term:
		of := map[Role]string{
			Follower: "follower in", PreCandidate: "pre-candidate in", Candidate: "candidate of", Leader: "leader of",
		}[after.Role]
		s.tell("  %s becomes %s term %d", a.id, of, after.Term)
	case after.Term != before.Term:
		s.say("  %s enters term %d", a.id, after.Term)
	}
	switch {
	case after.VotedFor == before.VotedFor && after.Term == before.Term:
	case after.VotedFor == "" && after.Term == before.Term:
		s.tell("  %s forgets its vote in term %d", a.id, after.Term)
	case after.VotedFor != "" && after.VotedFor != a.id:
		s.say("  %s votes for %s in term %d", a.id, after.VotedFor, after.Term)
	}
	if after.Role == Follower && after.Leader != "" && (after.Leader != before.Leader || before.Role != Follower) {
		s.say("  %s follows %s", a.id, after.Leader)
	}
}

// state tells what nodes know.
func (s *stage) state(actors []*actor) {
	for _, a := range actors {
		if a.node == nil {
			s.say("%s is down", a.id)
			continue
		}
		v := a.node.View()
		line := fmt.Sprintf("%s %s, term %d, log %s", a.id, v.Role, v.Term, logWords(v))
		if last, _ := lastOf(v); v.Saved < last {
			line += fmt.Sprintf(", durable up to %d", v.Saved)
		}
		s.say("%s", line)
	}
}

func logWords(v View[string]) string {
	if len(v.Log) == 0 && v.Base == 0 {
		return "empty"
	}
	committed, open := parts(v)
	words := strings.TrimSpace(entriesWords(committed) + " | " + entriesWords(open))
	if v.Base > 0 {
		words = fmt.Sprintf("(up to %s in the snapshot) %s", place(v.Base, v.BaseTerm), words)
	}
	return words
}

// parts splits a log behind its last entry that is known to be committed.
func parts(v View[string]) (committed, open []Entry[string]) {
	n := 0
	for n < len(v.Log) && v.Log[n].Index <= v.Commit {
		n++
	}
	return v.Log[:n], v.Log[n:]
}

// lastOf returns where a log ends.
func lastOf(v View[string]) (Index, Term) {
	if len(v.Log) == 0 {
		return v.Base, v.BaseTerm
	}
	e := v.Log[len(v.Log)-1]
	return e.Index, e.Term
}

func entriesWords(es []Entry[string]) string {
	var words []string
	for _, e := range es {
		words = append(words, entryWords(e))
	}
	return strings.Join(words, " ")
}

func entryWords(e Entry[string]) string {
	switch {
	case e.IsNoOp():
		return fmt.Sprintf("%d:no-op", e.Term)
	case e.Config != nil:
		return fmt.Sprintf("%d:[%s]", e.Term, e.Config)
	case e.Command == "":
		return fmt.Sprint(e.Term)
	}
	return fmt.Sprintf("%d:%s", e.Term, e.Command)
}

// membersWords names the members that a snapshot knows of, if there has been a change.
func membersWords(g Configuration) string {
	if g.Index == 0 {
		return ""
	}
	return ", members " + g.String()
}

func place(i Index, t Term) string { return fmt.Sprintf("%d/%d", i, t) }

func orNone(id NodeID) NodeID {
	if id == "" {
		return "none"
	}
	return id
}

// message names a message that is under way.
func (s *stage) message(m *Message) string {
	return fmt.Sprintf("%s -> %s %s", m.From, m.To, s.words(m))
}

func (s *stage) words(m *Message) string {
	name, _, _ := strings.Cut(strings.TrimPrefix(fmt.Sprintf("%T", m.Body), "raft."), "[")
	return name + " " + s.body(m.Body)
}

func secondWords(origins []NodeID) (words string) {
	for _, id := range origins {
		words += ", to be acknowledged to " + string(id) + " as well"
	}
	return words
}

func (s *stage) body(body Body) string {
	switch b := body.(type) {
	case PreVoteRequest:
		return fmt.Sprintf("for term %d, log ends in %s", b.Term, place(b.LastIndex, b.LastTerm))
	case PreVoteReply:
		return fmt.Sprintf("term %d, %s", b.Term, granted(b.Granted))
	case VoteRequest:
		word := ""
		if b.Transfer {
			word = ", as the leader wants it"
		}
		return fmt.Sprintf("term %d, log ends in %s%s", b.Term, place(b.LastIndex, b.LastTerm), word)
	case VoteReply:
		return fmt.Sprintf("term %d, %s", b.Term, granted(b.Granted))
	case AppendRequest[string]:
		return fmt.Sprintf("term %d, behind %s%s, commit %d%s", b.Term, place(b.PrevIndex, b.PrevTerm), entriesOrNone(b.Entries), b.Commit, roundWords(b.Round)+promiseWords(", wants a promise of %v", b.Promise)+secondWords(b.Second))
	case AppendReply:
		return fmt.Sprintf("term %d, %s%s", b.Term, agreement(b), roundWords(b.Round)+promiseWords(", promises %v", b.Promise))
	case SnapshotRequest:
		return fmt.Sprintf("term %d, of %s, bytes from %d of %d: %q", b.Term, place(b.Index, b.LastTerm), b.Offset, b.Size, b.Data) + membersWords(b.Configuration)
	case SnapshotReply:
		if b.Done {
			return fmt.Sprintf("term %d, has all up to %d", b.Term, b.Index)
		}
		return fmt.Sprintf("term %d, of %d, wants bytes from %d", b.Term, b.Index, b.Offset)
	case CommitNotice:
		return fmt.Sprintf("term %d, commit %d", b.Term, b.Commit)
	case ForwardRequest[string]:
		var commands []string
		for _, p := range b.Proposals {
			commands = append(commands, p.Command)
		}
		return fmt.Sprintf("term %d, %s", b.Term, strings.Join(commands, " "))
	}
	return s.readBody(body)
}

// readBody tells of the messages of a follower's read, and of a transfer.
func (s *stage) readBody(body Body) string {
	switch b := body.(type) {
	case ReadRequest:
		word := ""
		if b.Round {
			word = ", with a round"
		}
		return fmt.Sprintf("term %d, batch %d%s", b.Term, s.batch(b.ID), word)
	case ReadReply:
		word := ""
		if b.Confirmed {
			word = ", confirmed"
		}
		return fmt.Sprintf("term %d, batch %d, read index %d, commit %d%s", b.Term, s.batch(b.ID), b.Index, b.Commit, word+configurationWords(b.Configuration))
	case ConfirmRequest:
		return fmt.Sprintf("term %d, batch %d", b.Term, s.batch(b.ID))
	case ConfirmReply:
		return fmt.Sprintf("term %d, batch %d, log up to %d", b.Term, s.batch(b.ID), b.Last)
	case TransferRequest:
		return fmt.Sprintf("term %d, to %s", b.Term, orNone(b.To))
	case TransferReply:
		return fmt.Sprintf("term %d, to %s: %s", b.Term, orNone(b.To), b.Why)
	case TimeoutNow:
		return fmt.Sprintf("term %d", b.Term)
	case ChangeRequest:
		return fmt.Sprintf("term %d, %s %s", b.Term, b.Change.Kind, listed(b.Change.Nodes))
	case ChangeReply:
		if b.Why == "" {
			return fmt.Sprintf("term %d: done", b.Term)
		}
		return fmt.Sprintf("term %d: refused, %s", b.Term, b.Why)
	}
	return fmt.Sprintf("%+v", body)
}

// configurationWords names the place of the configuration in which followers may count, if there has been a change.
func configurationWords(i Index) string {
	if i == 0 {
		return ""
	}
	return fmt.Sprintf(", configuration of %d", i)
}

// batch gives the batches of reads small numbers: theirs are random.
func (s *stage) batch(id uint64) int {
	if _, ok := s.batches[id]; !ok {
		s.batches[id] = len(s.batches) + 1
	}
	return s.batches[id]
}

func granted(yes bool) string {
	if yes {
		return "granted"
	}
	return "refused"
}

func entriesOrNone(es []Entry[string]) string {
	if len(es) == 0 {
		return ", no entries"
	}
	return ": " + entriesWords(es)
}

func roundWords(round uint64) string {
	if round == 0 {
		return ""
	}
	return fmt.Sprintf(", round %d", round)
}

func promiseWords(format string, promise time.Duration) string {
	if promise == 0 {
		return ""
	}
	return fmt.Sprintf(format, promise)
}

func agreement(b AppendReply) string {
	switch {
	case b.OK:
		return fmt.Sprintf("agrees up to %d", b.Match)
	case b.PrevIndex == 0:
		return "stale"
	}
	return fmt.Sprintf("differs at %d, may agree up to %s", b.PrevIndex, place(b.HintIndex, b.HintTerm))
}

// reason tells why a vote was refused, from what the node knew when it was asked. It is the harness that says so, not the node.
func (s *stage) reason(cause, reply *Message, before View[string]) string {
	if cause == nil {
		return ""
	}
	last, lastTerm := lastOf(before)
	why := func(late bool, index Index, term Term) string {
		switch {
		case late:
			return fmt.Sprintf(" (it is in term %d)", before.Term)
		case term < lastTerm || term == lastTerm && index < last:
			return fmt.Sprintf(" (its own log ends in %s)", place(last, lastTerm))
		}
		if s.actor(string(reply.From)).node.core.bound() {
			return " (it has promised not to vote)"
		}
		return " (it hears a leader)"
	}
	switch b := reply.Body.(type) {
	case PreVoteReply:
		if q, ok := cause.Body.(PreVoteRequest); ok && !b.Granted {
			return why(q.Term <= before.Term, q.LastIndex, q.LastTerm)
		}
	case VoteReply:
		if q, ok := cause.Body.(VoteRequest); ok && !b.Granted {
			if q.Term == before.Term && before.VotedFor != "" && before.VotedFor != cause.From {
				return fmt.Sprintf(" (its vote is %s's)", before.VotedFor)
			}
			return why(q.Term < before.Term, q.LastIndex, q.LastTerm)
		}
	}
	return ""
}
