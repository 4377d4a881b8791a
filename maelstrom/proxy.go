package maelstrom

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	official "github.com/jepsen-io/maelstrom/demo/go"

	"maelraft/kv"
	"maelraft/raft"
)

// A node that does not serve, being no member or a witness, passes what clients ask of it on to a member, and answers with what comes back. This file is
// its side of it; proxied.go is the member's.
//
// A member that gives no answer for a while may be cut off, so another is asked as well. What one of them answers counts. That is safe, for a copy of a
// read or of a change of the membership does nothing that the original would not do, and a write or cas is executed once, whoever brings it to the leader
// (package session).
//
// An error that says that nothing was done and nothing will be counts only if nobody else may have done it or may do it yet: if every copy has come to an
// end, and none to an unknown one. That each copy has one end only the member sees to.

// errand is a request that others are asked to serve.
type errand struct {
	call
	open    map[uint64]bool // the copies without an answer, by their numbers
	tried   map[string]bool // who has been asked since we last began with the first
	doubt   bool            // a copy that is not open may have been executed, or be executed yet
	refusal json.RawMessage // the last error of a copy that was not executed and never will be
	timer   *time.Timer
}

// entrusted is a copy of an errand's request: with whom, in which life of it, as far as we know.
type entrusted struct {
	*errand
	member string
	life   uint64
}

// errands are all that this node has under way. Safe for concurrent use.
type errands struct {
	mu      sync.Mutex
	waiting map[*errand]bool
	copies  map[uint64]entrusted // by number; those that are open
	number  uint64               // of the last copy
	lives   map[string]uint64    // of members, by their own word
	prefer  string               // who led when it was last heard, or was the last to answer
	seen    raft.Index           // the latest that a member is known to have applied
	over    bool
}

func (d *errands) heardLeader(id string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.prefer = id
}

// hasSeen returns the latest index that we know somebody to have applied. A command that nobody has heard of yet will have a later one.
func (d *errands) hasSeen(here raft.Index) raft.Index {
	d.mu.Lock()
	defer d.mu.Unlock()
	return max(d.seen, here)
}

// delegate has somebody else serve a request. It does not wait.
func (s *server) delegate(r call) {
	d := &s.errands
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.over || len(d.waiting) >= maxErrands {
		s.replyError(r.asker, official.TemporarilyUnavailable, "not executed: this node does not serve, and too many requests wait for those that do")
		s.answered()
		return
	}
	e := &errand{call: r, open: map[uint64]bool{}, tried: map[string]bool{}}
	d.waiting[e] = true
	e.timer = time.AfterFunc(0, func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		if d.waiting[e] {
			s.askAnother(e, true)
		}
	})
}

// askAnother entrusts a member with an errand that has not been asked, if there is time, and looks after it again in a while. When all have been asked it
// starts over, but not before that while has passed.
func (s *server) askAnother(e *errand, startOver bool) {
	left := e.left()
	if left <= 0 {
		s.conclude(e)
		return
	}
	status := s.member.core.Status()
	to := s.choose(e, status)
	if to == "" && startOver {
		clear(e.tried)
		to = s.choose(e, status)
	}
	if to != "" {
		e.tried[to] = true
		s.entrust(e, to, status)
	}
	e.timer.Reset(min(left, max(hedgeTrips*status.RTT.Mean, e.limit/hedgeParts)))
}

// choose returns a member that has not been asked and may be written to, or nothing: first who probably leads, then the members of the last configuration
// that we have heard of, which may be an old one, then all others.
func (s *server) choose(e *errand, status raft.Status) string {
	candidates := []string{s.errands.prefer}
	for _, serving := range []bool{true, false} {
		for _, id := range s.member.ids {
			if status.Configuration.Serves(raft.NodeID(id)) == serving {
				candidates = append(candidates, id)
			}
		}
	}
	for _, id := range candidates {
		if !e.tried[id] && s.member.reachable(id, time.Since(s.member.epoch)) {
			return id
		}
	}
	return ""
}

// entrust sends a copy, unless there is no time left for an answer.
func (s *server) entrust(e *errand, to string, status raft.Status) {
	d := &s.errands
	patience := e.left() - status.RTT.Mean
	if patience <= 0 || s.out.crowded() {
		return
	}
	d.number++
	number := s.member.life<<livesShift + d.number // so that it is greater than all of earlier lives
	d.copies[number] = entrusted{e, to, d.lives[to]}
	e.open[number] = true
	s.transmit(to, proxyBody{kindProxy, number, d.lives[to], patience.Microseconds(), e.seen, e.name, e.body})
}

// handleProxyOK takes in what became of a copy.
func (s *server) handleProxyOK(m message) {
	f := &fields{object: m.body}
	number, life, applied, reply := f.number("number"), f.number("life"), f.index("applied"), m.body.find("body")
	if f.err != nil {
		s.drops.add(slog.LevelWarn, dropBadPeer, "src", m.Src, "type", kindProxyOK, "error", f.err)
		return
	}
	d := &s.errands
	d.mu.Lock()
	defer d.mu.Unlock()
	c, is := d.copies[number]
	if !is || c.member != m.Src {
		s.drops.add(slog.LevelDebug, dropReply, "src", m.Src, "type", kindProxyOK)
		return
	}
	delete(d.copies, number)
	delete(c.open, number)
	d.lives[m.Src] = max(d.lives[m.Src], life)
	d.seen = max(d.seen, applied)
	switch {
	case life != c.life:
		// It has not been taken in this life of the member. If it was meant for an earlier one, nobody knows about that.
		c.doubt = c.doubt || c.life != 0
		s.entrust(c.errand, m.Src, s.member.core.Status())
	case reply == nil: // it does not serve either
		s.askAnother(c.errand, false)
	default:
		s.heed(c.errand, m.Src, reply)
	}
}

// heed takes in a member's reply to an errand's request.
func (s *server) heed(e *errand, member string, reply []byte) {
	code, err := e.codeOf(reply)
	switch {
	case err != nil:
		s.drops.add(slog.LevelWarn, dropBadPeer, "src", member, "type", kindProxyOK, "error", err)
		e.doubt = true
	case code == 0 || e.isOperation() && isResult(code):
		s.errands.prefer = member
		s.settle(e, json.RawMessage(reply))
	case !isDefinite(code):
		e.doubt = true
	case code == official.TemporarilyUnavailable:
		e.refusal = bytes.Clone(reply)
		s.askAnother(e, false)
	default: // a change that is refused, perhaps because of another copy
		e.refusal = bytes.Clone(reply)
		if !e.uncertain() {
			s.settle(e, e.refusal)
		}
	}
}

// codeOf returns the code of a reply that is an error, or 0 if it is the one that the request asks for.
func (r call) codeOf(reply []byte) (code int64, err error) {
	o, err := parseObject(reply)
	kind, _ := o.text("type")
	to, ok := o.integer("in_reply_to")
	switch {
	case err != nil:
		return 0, err
	case !ok || to != r.msgID:
		return 0, errors.New("the reply is to another request")
	case kind == r.kind+"_ok":
		return 0, nil
	case kind != "error":
		return 0, fmt.Errorf("a %s is answered with a %s", r.kind, excerpt([]byte(kind)))
	}
	if code, ok = o.integer("code"); !ok || code == 0 {
		return 0, errors.New("an error without a code")
	}
	return code, nil
}

// isOperation says whether a request is one of lin-kv.
func (r call) isOperation() bool {
	switch kv.Op(r.kind) {
	case kv.Read, kv.Write, kv.CAS:
		return true
	}
	return false
}

// changesNothing says whether it does not matter if a request was executed.
func (r call) changesNothing() bool { return r.kind == string(kv.Read) || r.kind == kindConfiguration }

// isResult says whether an error is what an operation leads to. Every copy of it gets the same.
func isResult(code int64) bool {
	switch code {
	case official.MalformedRequest, official.KeyDoesNotExist, official.PreconditionFailed:
		return true
	}
	return false
}

// isDefinite says whether an error proves that nothing was done.
func isDefinite(code int64) bool {
	switch code {
	case official.TemporarilyUnavailable, official.MalformedRequest, official.Abort, official.KeyDoesNotExist, official.KeyAlreadyExists,
		official.PreconditionFailed, official.TxnConflict:
		return true
	}
	return false
}

// uncertain says whether somebody may have executed the request, or may do it yet.
func (e *errand) uncertain() bool { return e.doubt || len(e.open) > 0 }

// conclude ends an errand for which there is no time left.
func (s *server) conclude(e *errand) {
	var reply any = errorReply{"error", official.TemporarilyUnavailable, "not executed: no member served the request in time", e.msgID}
	switch {
	case e.changesNothing():
	case e.uncertain():
		reply = errorReply{"error", official.Crash, "it is not known whether a member has executed this, or will", e.msgID}
	case e.refusal != nil:
		reply = e.refusal
	}
	s.settle(e, reply)
}

func (s *server) settle(e *errand, reply any) {
	e.timer.Stop()
	delete(s.errands.waiting, e)
	for number := range e.open {
		delete(s.errands.copies, number)
	}
	s.reply(e.asker, reply)
	s.answered()
}

// endErrands answers all that wait, at the end of the process.
func (s *server) endErrands() {
	d := &s.errands
	d.mu.Lock()
	defer d.mu.Unlock()
	d.over = true
	for e := range d.waiting {
		s.conclude(e)
	}
}
