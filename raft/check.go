package raft

import (
	"errors"
	"fmt"
	"time"
)

// What a peer sends is checked here, before it changes anything. A message that a correct peer cannot have sent is refused; a message
// that is merely old is not an error, and left to the handlers.

// checkMessage returns why a message must not be taken in, or nil.
func (c *core[C]) checkMessage(m Message) error {
	if m.To != c.id {
		return fmt.Errorf("raft: message for %q at node %q", m.To, c.id)
	}
	if m.From == "" || m.From == c.id {
		return fmt.Errorf("raft: message from %q, which is no peer", m.From)
	}
	if m.Body == nil {
		return fmt.Errorf("raft: message from %q without a body", m.From)
	}
	if t := m.Body.term(); t > c.hard.Term+maxJump || t > maxNumber {
		return fmt.Errorf("raft: term %d from %q is out of all proportion to our %d", t, m.From, c.hard.Term)
	}
	if err := c.checkBody(m.From, m.Body); err != nil {
		return fmt.Errorf("raft: %T from %q: %w", m.Body, m.From, err)
	}
	return nil
}

func (c *core[C]) checkBody(from NodeID, body Body) error {
	switch b := body.(type) {
	case PreVoteRequest:
		return checkPosition(b.LastIndex, b.LastTerm, b.Term-1)
	case VoteRequest:
		return errors.Join(checkPosition(b.LastIndex, b.LastTerm, b.Term-1), c.checkSanction(b))
	case AppendRequest[C]:
		return c.checkAppend(from, b)
	case AppendReply:
		return c.checkAppendReply(b)
	case SnapshotRequest:
		return c.checkSnapshot(from, b)
	case SnapshotReply:
		return c.checkSnapshotReply(from, b)
	case ForwardRequest[C]:
		return checkForward(b)
	case CommitNotice:
		return checkIndex(b.Commit)
	case ReadReply:
		return errors.Join(checkIndex(b.Index), checkIndex(b.Commit), checkIndex(b.Configuration))
	case ConfirmReply:
		return checkIndex(b.Last)
	case ChangeRequest:
		return errors.Join(b.Change.Validate(), checkNumber(b.ID))
	case ChangeReply:
		return errors.Join(c.checkChangeReply(from, b), checkIndex(b.Configuration))
	case PreVoteReply, VoteReply, ReadRequest, ConfirmRequest:
	default:
		return c.checkTransfer(from, body)
	}
	return nil
}

func checkForward[C any](m ForwardRequest[C]) error {
	for _, p := range m.Proposals {
		if err := checkNumber(p.Seq); err != nil {
			return err
		}
	}
	return checkSecond(m.Second)
}

// checkNumber checks the number of a request, which counts from anywhere below maxNumber on.
func checkNumber(seq uint64) error {
	if seq == 0 || seq > 2*maxNumber {
		return fmt.Errorf("sequence number %d", seq)
	}
	return nil
}

func checkIndex(i Index) error {
	if i > maxNumber {
		return fmt.Errorf("index %d is too large", i)
	}
	return nil
}

// checkPosition checks a place in a log: only the place before the first entry has term zero.
func checkPosition(i Index, t, most Term) error {
	if (i == 0) != (t == 0) || t > most || i > maxNumber {
		return fmt.Errorf("impossible position: index %d of term %d", i, t)
	}
	return nil
}

func (c *core[C]) checkAppend(from NodeID, m AppendRequest[C]) error {
	if err := checkPosition(m.PrevIndex, m.PrevTerm, m.Term); err != nil {
		return err
	}
	if m.Commit > maxNumber || m.Configuration > maxNumber || m.Round > maxNumber || !plausible(m.RTT.Mean) || !plausible(m.RTT.Deviation) {
		return fmt.Errorf("commit %d, round %d, round trip %v out of range", m.Commit, m.Round, m.RTT)
	}
	if err := errors.Join(checkPromise(m.Promise), checkSecond(m.Second)); err != nil {
		return err
	}
	if err := m.checkEntries(); err != nil {
		return err
	}
	if m.Term == 0 {
		return fmt.Errorf("term 0 has no leader")
	}
	if m.Term < c.hard.Term {
		return nil // old: will be answered, and changes nothing
	}
	if m.Term == c.hard.Term && !c.mayLead(from) {
		return fmt.Errorf("a second leader in term %d", m.Term)
	}
	return c.checkAgreement(m)
}

// checkEntries checks that the entries follow each other, and what comes before them.
func (m AppendRequest[C]) checkEntries() error {
	term := m.PrevTerm
	for i, e := range m.Entries {
		if err := e.checkConfig(); err != nil {
			return err
		}
		if e.Index != m.PrevIndex+1+Index(i) || e.Term < max(term, 1) || e.Term > m.Term {
			return fmt.Errorf("entry %d of term %d does not follow its predecessor", e.Index, e.Term)
		}
		term = e.Term
	}
	return nil
}

// checkConfig checks the configuration of an entry, if it has one.
func (e Entry[C]) checkConfig() error {
	if e.Config == nil {
		return nil
	}
	if e.hasCommand() || e.Config.Index != e.Index {
		return fmt.Errorf("a configuration of %d in entry %d", e.Config.Index, e.Index)
	}
	return e.Config.validate()
}

// checkPromise: nobody makes a voter promise more than it remembers by (lease.go).
func checkPromise(d time.Duration) error {
	if d < 0 || d > maxPromise {
		return fmt.Errorf("a promise of %v", d)
	}
	return nil
}

// checkSecond: no more nodes are asked to acknowledge, or to be told, than there can be. Whether they vote may be known to others only.
func checkSecond(nodes []NodeID) error {
	if len(nodes) > maxMembers {
		return fmt.Errorf("%d nodes are named", len(nodes))
	}
	return nil
}

func plausible(d time.Duration) bool { return d >= 0 && d <= time.Minute }

// mayLead says whether a peer can be the leader of the present term, as far as this node knows (election safety, §5.2).
func (c *core[C]) mayLead(from NodeID) bool {
	switch r := c.role.(type) {
	case *leader[C]:
		return false
	case *follower[C]:
		return r.leader == "" || r.leader == from
	}
	return true
}

// checkAgreement refuses an append that contradicts what is committed: no leader can send it (leader completeness, §5.4), and
// taking it in would undo what clients have been told.
func (c *core[C]) checkAgreement(m AppendRequest[C]) error {
	if m.PrevIndex <= c.commit && m.PrevIndex >= c.log.base && !c.log.has(m.PrevIndex, m.PrevTerm) {
		return fmt.Errorf("entry %d is committed with another term than %d", m.PrevIndex, m.PrevTerm)
	}
	for _, e := range m.Entries {
		if e.Index > c.commit {
			break
		}
		if e.Index > c.log.base && !c.log.has(e.Index, e.Term) {
			return fmt.Errorf("entry %d is committed with another term than %d", e.Index, e.Term)
		}
	}
	return nil
}

func (c *core[C]) checkAppendReply(m AppendReply) error {
	if err := errors.Join(checkIndex(m.Match), checkPromise(m.Promise)); err != nil {
		return err
	}
	l, ok := c.role.(*leader[C])
	if !ok || m.Term != c.hard.Term {
		return nil
	}
	switch {
	case m.Promise > 0 && m.At > c.now:
		return fmt.Errorf("a promise in answer to what is sent in %v only", m.At-c.now)
	case m.Round > l.round:
		return fmt.Errorf("round %d has not begun", m.Round)
	case m.OK && m.Match > c.log.last():
		return fmt.Errorf("match %d is behind the end of the log", m.Match)
	case !m.OK && m.HintIndex >= max(m.PrevIndex, 1):
		return fmt.Errorf("hint %d is not before the place %d that was asked about", m.HintIndex, m.PrevIndex)
	}
	return nil
}
