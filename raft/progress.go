package raft

import (
	"slices"
	"time"
)

// progress is what a leader knows of one follower.
//
// Invariants: match < next <= log.last()+1; flights follow each other without a gap, and end at next-1 unless probing, when
// there is at most one of them.
type progress struct {
	id    NodeID
	match Index // highest entry known to agree with the leader's log (matchIndex)
	next  Index // next entry to send (nextIndex)

	// probing: the follower's log is in doubt. One append at a time is sent until one is accepted. Otherwise appends follow each
	// other without waiting (thesis §10.2.1).
	probing bool
	// agreed: the follower has accepted an append in this term, so match is a place where the logs surely agree.
	agreed bool

	// transfer is the snapshot that the follower gets, because it needs entries that are dropped; else nil.
	transfer *transfer

	flights     []flight
	flightBytes int

	sentAt     time.Duration // last append, with entries or without
	askedAt    time.Duration // last one that is to be answered
	hushed     bool          // there have been others since
	ackAt      time.Duration // last reply
	notice     Index         // highest committed entry for which a client of the follower waits
	commitSent Index         // highest commit index named to the follower
	roundSent  uint64
	round      uint64        // highest round that the follower has confirmed
	rounds     round         // if it is a learner (membership.go)
	departs    time.Duration // when it is forgotten, having been removed; forever: it is a member
	leaseUntil time.Duration // its promise holds until then, by this leader's clock; zero: it has made none
}

// flight is an AppendRequest with entries whose answer has not come yet.
type flight struct {
	prev, last Index
	bytes      int
	askedAt    time.Duration // when an answer was asked for; forever: not yet
}

// launch notes that the entries from next up to last are on their way. A probe does not move next: the follower may refuse it.
func (p *progress) launch(last Index, bytes int) {
	p.flights = append(p.flights, flight{p.next - 1, last, bytes, forever})
	p.flightBytes += bytes
	if !p.probing {
		p.next = last + 1
	}
}

// ask notes that an append is on its way, and whether the follower is to answer it, and with it whatever went before.
func (p *progress) ask(now time.Duration, quiet bool) {
	p.sentAt, p.hushed = now, quiet
	if quiet {
		return
	}
	p.askedAt = now
	for i := len(p.flights) - 1; i >= 0 && p.flights[i].askedAt == forever; i-- {
		p.flights[i].askedAt = now
	}
}

// accept notes that the logs agree up to match.
func (p *progress) accept(match Index) {
	landed := 0
	for landed < len(p.flights) && p.flights[landed].last <= match {
		p.flightBytes -= p.flights[landed].bytes
		landed++
	}
	p.flights = slices.Delete(p.flights, 0, landed)
	p.match = max(p.match, match)
	p.next = max(p.next, p.match+1)
	if p.probing {
		p.drop()
	}
	p.agreed, p.probing = true, false
}

// rewind starts over behind an index that may agree. Once it is known where the logs surely agree, that is the place: a better guess would
// have to be probed, and every heartbeat that is accepted at match ends the probing before the follower can refuse the guess.
func (p *progress) rewind(agree Index) {
	p.drop()
	p.probing = true
	p.next = agree + 1
	if p.agreed {
		p.next = p.match + 1
	}
}

// retry sends again what has been in flight for too long.
func (p *progress) retry() { p.rewind(p.flights[0].prev) }

func (p *progress) drop() { p.flights, p.flightBytes = nil, 0 }

// overdue says whether an append has been in flight for longer than limit.
func (p *progress) overdue(now, limit time.Duration) bool {
	return len(p.flights) > 0 && now-p.flights[0].askedAt > limit
}

// full says whether the window allows no further append with entries.
func (p *progress) full(maxFlights, maxBytes int) bool {
	if p.probing {
		return len(p.flights) > 0
	}
	return len(p.flights) >= maxFlights || p.flightBytes >= maxBytes
}
