package raft

import (
	"maps"
	"math"
	"slices"
	"time"
)

// Every node takes requests, whatever its role, and keeps each until it can say how it ended. This file follows a request from
// Propose or Read to its outcome; forward.go brings it to the leader.
//
// What can be said of a proposal rests on three facts. (1) A leader appends only proposals that were sent under its own term, so
// an entry made from a proposal has no later term than the latest under which the proposal was sent. (2) Terms never fall along
// the log. (3) Entries are applied in the order of the log. So when this node has applied an entry of a later term
// than any under which a proposal was sent, and has not applied the proposal, it never will: the proposal is dead. A
// snapshot from a leader hides which proposals were applied; those that were sent before it are never held for dead (hide).

// forever is a time after all others.
const forever = time.Duration(math.MaxInt64)

// proposal is a command on its way into the log.
type proposal[C any] struct {
	seq      uint64
	command  C
	size     int // in bytes
	deadline time.Duration
	// sentTerm is the latest term under which the proposal may have been appended, zero if it cannot be in any log.
	sentTerm Term
	resendAt time.Duration
	tries    int
	queued   bool // in requests.queue
	hidden   bool // a snapshot may have brought its effect
	query    bool // a read that goes through the log: if it was executed, nobody can tell (LogReads)
}

// read is a query that waits for a state which is new enough.
type read[C any] struct {
	ticket   Ticket
	query    C
	size     int // in bytes
	deadline time.Duration
	try      bool // a command, which is a query only if it would change nothing (try.go)
}

// readBatch is the reads for which the leader was asked once.
type readBatch[C any] struct {
	id       uint64
	reads    []read[C]
	resendAt time.Duration
	tries    int

	// The attempt to get a read index without a round (reads.go): the term that it is about and its leader, whether the index is what any of
	// a majority has, or what the leader names, and has named; and who is known to have been in the term.
	term    Term
	leader  NodeID
	aside   bool
	indexed bool
	// configuration is the index of the one in force at the leader when it named the index.
	configuration Index
	voters        voters
	spareAt       time.Duration // when to ask more nodes for confirmation

	confirmed bool
	index     Index // valid if indexed or confirmed
}

// ended is the outcome of a request without a result.
type ended struct {
	ticket Ticket
	err    error
}

// requests are the requests that this node has taken and not answered.
type requests[C any] struct {
	seq uint64 // the last number given

	live  map[uint64]*proposal[C]
	queue []*proposal[C] // those of live that are to be handed to a leader

	tries   []read[C]       // to be looked at for the first time (try.go)
	waiting []read[C]       // not in a batch yet
	asked   []*readBatch[C] // in the order of their ids

	transfers []wanted       // of leadership (transfer.go)
	changes   []wantedChange // of the membership (change.go)
	changeID  uint64         // the last number given to one of these

	ready []read[C] // may be answered from the state as it is
	done  []ended
	count int           // proposals and reads that have no outcome yet
	bytes int           // of these
	check time.Duration // nothing expires and nothing has to be sent again before
}

func newRequests[C any](seq uint64) requests[C] {
	return requests[C]{seq: seq, live: map[uint64]*proposal[C]{}, check: forever}
}

// propose takes a proposal and queues it for the next flush.
func (r *requests[C]) propose(command C, size int, deadline time.Duration) Ticket {
	r.seq++
	p := &proposal[C]{seq: r.seq, command: command, size: size, deadline: deadline, resendAt: forever}
	r.live[p.seq] = p
	r.enqueue(p)
	r.admit(size, deadline)
	return Ticket(p.seq)
}

// readByLog takes a query that goes the way of proposals.
func (r *requests[C]) readByLog(query C, size int, deadline time.Duration) Ticket {
	k := r.propose(query, size, deadline)
	r.live[uint64(k)].query = true
	return k
}

// read takes a query.
func (r *requests[C]) read(query C, size int, deadline time.Duration) Ticket {
	r.seq++
	r.waiting = append(r.waiting, read[C]{ticket: Ticket(r.seq), query: query, size: size, deadline: deadline})
	r.admit(size, deadline)
	return Ticket(r.seq)
}

func (r *requests[C]) admit(size int, deadline time.Duration) {
	r.count++
	r.bytes += size
	r.check = min(r.check, deadline)
}

// refuse gives a ticket to a request that ends at once.
func (r *requests[C]) refuse(err error) Ticket {
	r.seq++
	r.done = append(r.done, ended{Ticket(r.seq), err})
	return Ticket(r.seq)
}

func (r *requests[C]) enqueue(p *proposal[C]) {
	if !p.queued {
		p.queued = true
		r.queue = append(r.queue, p)
	}
}

// takeQueue returns the proposals to hand over, and marks them as sent under a term.
func (r *requests[C]) takeQueue(term Term, resendAt func(tries int) time.Duration) []*proposal[C] {
	queue := slices.DeleteFunc(r.queue, func(p *proposal[C]) bool { return r.live[p.seq] == nil })
	r.queue = nil
	for _, p := range queue {
		p.queued, p.sentTerm, p.resendAt = false, term, resendAt(p.tries)
		p.tries++
		r.check = min(r.check, p.resendAt)
	}
	return queue
}

// takeReads gathers the waiting reads in a batch, and returns it and the ones to be asked for again.
func (r *requests[C]) takeReads(now time.Duration, resendAt func(tries int) time.Duration) []*readBatch[C] {
	if len(r.waiting) > 0 {
		r.seq++
		r.asked = append(r.asked, &readBatch[C]{id: r.seq, reads: r.waiting, resendAt: now, spareAt: forever})
		r.waiting = nil
	}
	var due []*readBatch[C]
	for _, b := range r.asked {
		if !b.confirmed && b.resendAt <= now {
			b.resendAt = resendAt(b.tries)
			b.tries++
			r.check = min(r.check, b.resendAt)
			due = append(due, b)
		}
	}
	return due
}

// leaderChanged makes everything that was sent to a leader due again. Whether a proposal is really sent a second time
// depends on Config.Resend.
func (r *requests[C]) leaderChanged(now time.Duration) {
	for _, p := range r.live {
		p.tries = 0
		if p.sentTerm > 0 {
			p.resendAt = now
		}
	}
	for _, b := range r.asked {
		// With early commit a read may be waiting for entries that were lost with their leader.
		b.resendAt, b.tries, b.confirmed, b.indexed = now, 0, false, false
	}
	r.check = min(r.check, now)
}

// expire ends what has reached its deadline, and queues the proposals that are due to be sent again if resend allows it.
func (r *requests[C]) expire(now time.Duration, resend bool) {
	if now < r.check {
		return
	}
	r.check = forever
	for _, seq := range slices.Sorted(maps.Keys(r.live)) {
		p := r.live[seq]
		switch {
		case p.deadline <= now:
			r.end(p, p.fate())
			continue
		case resend && p.resendAt <= now:
			r.enqueue(p)
		case resend:
			r.check = min(r.check, p.resendAt)
		}
		r.check = min(r.check, p.deadline)
	}
	r.queue = slices.DeleteFunc(r.queue, func(p *proposal[C]) bool { return r.live[p.seq] == nil })
	r.waiting = r.expireReads(r.waiting, now)
	r.expireTransfers(now)
	r.expireChanges(now)
	for _, b := range r.asked {
		b.reads = r.expireReads(b.reads, now)
		for _, at := range []time.Duration{b.resendAt, b.spareAt} {
			if at > now {
				r.check = min(r.check, at)
			}
		}
	}
	r.asked = slices.DeleteFunc(r.asked, func(b *readBatch[C]) bool { return len(b.reads) == 0 })
}

func (r *requests[C]) expireReads(reads []read[C], now time.Duration) []read[C] {
	return slices.DeleteFunc(reads, func(q read[C]) bool {
		if q.deadline <= now {
			r.endRead(q, ErrUnavailable) // a read that was not answered had no effect
			return true
		}
		r.check = min(r.check, q.deadline)
		return false
	})
}

// fate is what can be said of a proposal that has not been applied. Of a read it does not matter.
func (p *proposal[C]) fate() error {
	if p.query {
		return ErrUnavailable
	}
	if p.sentTerm == 0 && !p.hidden {
		return ErrUnavailable
	}
	return ErrUnknown
}

func (r *requests[C]) end(p *proposal[C], err error) {
	r.remove(p)
	r.done = append(r.done, ended{Ticket(p.seq), err})
}

// remove forgets a proposal, which has an outcome.
func (r *requests[C]) remove(p *proposal[C]) {
	delete(r.live, p.seq)
	r.count--
	r.bytes -= p.size
}

// endUnsent ends all reads, and the proposals that are in no log.
func (r *requests[C]) endUnsent(err error) {
	for _, seq := range slices.Sorted(maps.Keys(r.live)) {
		if p := r.live[seq]; p.fate() == ErrUnavailable {
			r.end(p, err)
		}
	}
	r.endReads(err)
}

// endReads ends the reads that have no answer yet.
func (r *requests[C]) endReads(err error) {
	for _, q := range append(r.tries, r.waiting...) {
		r.endRead(q, err)
	}
	for _, b := range r.asked {
		for _, q := range b.reads {
			r.endRead(q, err)
		}
	}
	r.tries, r.waiting, r.asked = nil, nil, nil
}

func (r *requests[C]) endRead(q read[C], err error) {
	r.count--
	r.bytes -= q.size
	r.done = append(r.done, ended{q.ticket, err})
}

// applied finds the request that an entry fulfils, if it was made here and still waits. newTerm says that the entry is the first of
// its term to be applied: proposals sent only before that term are dead by now, and start over as if they had never been sent.
func (r *requests[C]) applied(e ProposalID, self NodeID, term Term, newTerm bool) (Ticket, bool) {
	p := r.live[e.Seq]
	mine := e.Node == self && p != nil
	if mine {
		r.remove(p)
	}
	if newTerm {
		for _, seq := range slices.Sorted(maps.Keys(r.live)) {
			if q := r.live[seq]; q.sentTerm > 0 && q.sentTerm < term {
				q.sentTerm, q.resendAt = 0, forever
				r.enqueue(q)
			}
		}
	}
	return Ticket(e.Seq), mine
}

// hide notes that entries were passed over for a snapshot, and with them perhaps any proposal that has been sent to a leader. With resend they are sent
// again, and the state machine knows whether they were executed; whatever is applied from now on, they are never known to be dead. Without,
// nobody will ever know.
func (r *requests[C]) hide(now time.Duration, resend bool) {
	for _, seq := range slices.Sorted(maps.Keys(r.live)) {
		switch p := r.live[seq]; {
		case p.sentTerm == 0:
		case resend:
			p.hidden, p.resendAt = true, now
			r.check = min(r.check, now)
		default:
			r.end(p, p.fate())
		}
	}
}

// batch returns the batch of reads with an id, or nil if it has ended.
func (r *requests[C]) batch(id uint64) *readBatch[C] {
	for _, b := range r.asked {
		if b.id == id {
			return b
		}
	}
	return nil
}

// release moves the reads to ready for which the applied state is new enough.
func (r *requests[C]) release(applied Index) {
	r.asked = slices.DeleteFunc(r.asked, func(b *readBatch[C]) bool {
		if !b.confirmed || b.index > applied {
			return false
		}
		r.ready = append(r.ready, b.reads...)
		for _, q := range b.reads {
			r.count--
			r.bytes -= q.size
		}
		return true
	})
}

// endAll ends every request; fate says how a proposal ends.
func (r *requests[C]) endAll(proposals func(*proposal[C]) error, reads error) {
	for _, seq := range slices.Sorted(maps.Keys(r.live)) {
		r.end(r.live[seq], proposals(r.live[seq]))
	}
	r.endReads(reads)
	r.endTransfers(func(w *wanted) (bool, error) { return true, w.fate() })
	r.endChanges(func(w *wantedChange) (bool, error) { return true, w.fate() })
	for _, q := range r.ready {
		r.done = append(r.done, ended{q.ticket, reads})
	}
	r.queue, r.ready = nil, nil
	r.check = forever
}

func (r *requests[C]) takeReady() []read[C] {
	ready := r.ready
	r.ready = nil
	return ready
}

func (r *requests[C]) takeEnded() []ended {
	done := r.done
	r.done = nil
	return done
}
