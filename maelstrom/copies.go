package maelstrom

import (
	"errors"
	"sync"
	"time"

	"maelraft/kv"
	"maelraft/raft"
	"maelraft/raft/session"
)

// A cas that does not match is answered like a read (raft.Node.Try), and nothing in the log remembers that. A copy of it, which the client
// has sent under the same msg_id, could match by then and be executed. So this node remembers what became of each cas that it tried: copies get
// the first one's answer, at once or together with it.

// attempts remembers each cas that was tried here. It does so in bounded space: those under way, which the core bounds, and those that ended
// among the last copyGeneration ones for sure. Safe for concurrent use.
type attempts struct {
	mu            sync.Mutex
	trying        map[asker]*attempt
	recent, older map[asker]ending
}

// attempt is a cas under way.
type attempt struct {
	digest uint64
	copies int // that wait for its answer
}

// ending is what became of one.
type ending struct {
	digest  uint64
	result  result
	unknown bool // there is no result: it may have been executed, or may yet be
}

// verdict is what is to be done with a cas.
type verdict int

const (
	tryIt     verdict = iota // it is the first one, as far as anybody here knows
	proposeIt                // one before it may be in the log, which knows what becomes of both
	repeat                   // the answer is known
	join                     // it is answered together with the one before it
)

// begin takes in a cas and says what is to be done with it. The result is the answer to repeat.
func (a *attempts) begin(who asker, cas kv.Command) (verdict, result) {
	digest := kv.Digest(cas)
	a.mu.Lock()
	defer a.mu.Unlock()
	before, known := a.recent[who]
	if !known {
		before, known = a.older[who]
	}
	first := a.trying[who]
	switch {
	case first != nil && first.digest != digest, known && before.digest != digest:
		return repeat, result{Status: session.Reused}
	case first != nil:
		first.copies++
		return join, result{}
	case known && before.unknown, len(who.name) > maxToken:
		return proposeIt, result{}
	case known:
		return repeat, before.result
	}
	if a.trying == nil {
		a.trying = map[asker]*attempt{}
	}
	a.trying[who] = &attempt{digest: digest}
	return tryIt, result{}
}

// end takes in the outcome of one that was tried, and returns how many copies wait for it. Of what was certainly not executed nothing needs to be
// remembered: a copy may be.
func (a *attempts) end(who asker, o outcome) (copies int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	ended := a.trying[who]
	delete(a.trying, who)
	if errors.Is(o.Err, raft.ErrUnavailable) || errors.Is(o.Err, raft.ErrOverloaded) || errors.Is(o.Err, raft.ErrNotServing) {
		return ended.copies
	}
	if a.recent == nil || len(a.recent) == copyGeneration {
		a.recent, a.older = map[asker]ending{}, a.recent
	}
	a.recent[who] = ending{ended.digest, o.Result, o.Err != nil}
	return ended.copies
}

// try has a cas executed that may be answered like a read, and sees to it that of several copies handed in here none is executed when another
// one is told that it did not match.
func (s *server) try(who asker, cas command, limit time.Duration, done func(outcome)) {
	verdict, known := s.attempts.begin(who, cas.Op)
	switch verdict {
	case tryIt:
		s.member.driver.Try(cas, limit, func(o outcome) {
			for range 1 + s.attempts.end(who, o) {
				done(o)
			}
		})
	case proposeIt:
		s.member.driver.Propose(cas, limit, done)
	case repeat:
		done(outcome{Result: known})
	}
}
