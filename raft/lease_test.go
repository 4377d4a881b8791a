package raft

import (
	"testing"
	"time"
)

const ms = time.Millisecond

// leases turns on leases with a fixed election time-out, so that promises are 100 ms long and leases 80 ms.
func leases(c *Config[string]) { c.Reads, c.ElectionTimeout = LeaseReads, 100*ms }

// leaseHolder returns a leader that has committed its no-op, at a round moment, and has no lease yet.
func leaseHolder(t *testing.T, size int) *host {
	t.Helper()
	h := start(t, size, leases)
	h.lead()
	h.acks("n2")
	h.acks("n3")
	h.wantCommit(1)
	h.now += ms
	h.sent = nil
	return h
}

// promises lets a peer answer an append that was sent at a moment.
func (h *host) promises(from NodeID, sentAt, promise time.Duration) {
	h.t.Helper()
	h.gets(from, AppendReply{Term: h.Status().Term, OK: true, Match: 1, At: sentAt, Promise: promise})
}

// readsAt asks for a read at a moment, and returns whether it is answered at once, without any message.
func (h *host) readsAt(now time.Duration) bool {
	h.t.Helper()
	h.now, h.sent = now, nil
	h.drain()
	h.sent = nil
	k := h.Read(h.now, "q", h.now+10*time.Second)
	h.drain()
	_, answered := h.outcomes[k]
	if answered && len(h.sent) > 0 {
		h.t.Errorf("answered, and sent %v all the same", h.sent)
	}
	return answered
}

// The lease begins when the append was sent, not when the answer came, and is shorter than the promise by the drift bound.
func TestLeaseRunsFromTheSending(t *testing.T) {
	h := leaseHolder(t, 3)
	sent := h.now
	h.now += 30 * ms
	h.promises("n2", sent, 100*ms)
	if !h.readsAt(h.now) || !h.readsAt(sent+80*ms-1) {
		t.Error("no lease although a majority has promised")
	}
	if h.readsAt(sent + 80*ms) {
		t.Error("still a lease when by the fastest clock the promise may be over")
	}
}

// An older answer that comes late does not take back what a newer one has given.
func TestLateAnswerDoesNotShortenTheLease(t *testing.T) {
	h := leaseHolder(t, 3)
	sent := h.now
	h.now += 30 * ms
	h.promises("n2", sent+20*ms, 100*ms)
	h.promises("n2", sent, 100*ms)
	if !h.readsAt(sent + 99*ms) {
		t.Error("the lease is gone")
	}
}

// The lease is a majority's: as long as the third of five has promised.
func TestLeaseIsAMajoritys(t *testing.T) {
	h := leaseHolder(t, 5)
	sent := h.now
	h.now += 10 * ms
	h.promises("n2", sent+9*ms, 100*ms)
	if h.readsAt(h.now) {
		t.Error("a lease by two of five")
	}
	h.promises("n3", sent+4*ms, 100*ms)
	h.promises("n4", sent, 100*ms)
	if !h.readsAt(sent+84*ms-1) || h.readsAt(sent+84*ms) {
		t.Error("the lease does not end with the third of five")
	}
}

// An answer without a promise is no lease, whatever moment it names: it may be to an append from another life, and of another clock.
func TestAnswerWithoutPromise(t *testing.T) {
	h := leaseHolder(t, 3)
	h.gets("n2", AppendReply{Term: h.Status().Term, At: h.now + time.Hour})
	h.promises("n3", h.now, 0)
	if h.readsAt(h.now) {
		t.Error("a lease by an answer that promises nothing")
	}
}

// Where no lease holds, a read takes a round; and a promise that comes meanwhile will do as well.
func TestLeaseFallsBackToARound(t *testing.T) {
	for name, answer := range map[string]func(*host, AppendRequest[string]){
		"round": func(h *host, m AppendRequest[string]) {
			h.gets("n3", AppendReply{Term: m.Term, OK: true, Match: 1, At: m.At, Round: m.Round})
		},
		"promise": func(h *host, m AppendRequest[string]) { h.promises("n3", m.At-ms, m.Promise) },
	} {
		t.Run(name, func(t *testing.T) {
			h := leaseHolder(t, 3)
			k := h.Read(h.now, "q", h.now+10*time.Second)
			h.drain()
			h.wantOutcome(k, "")
			m := only[AppendRequest[string]](h, "n3")
			if m.Round == 0 || m.Promise != 100*ms {
				t.Fatalf("sent %+v, want a round and the wish for a promise of 100 ms", m)
			}
			h.now += 5 * ms
			answer(h, m)
			h.wantOutcome(k, "q:0")
		})
	}
}

// A new leader does not know what is committed, lease or not.
func TestLeaseWaitsForTheFirstCommit(t *testing.T) {
	h := start(t, 3, leases)
	h.lead()
	h.now += ms
	h.gets("n2", AppendReply{Term: 1, PrevIndex: 1, At: h.now, Promise: 100 * ms}) // it lacks something, but promises
	if h.readsAt(h.now) {
		t.Error("read before the first commit")
	}
	h.promises("n2", h.now, 100*ms)
	if !h.readsAt(h.now) {
		t.Error("no read after it")
	}
}

// With early commit a read waits for what is under way, lease or not: a follower may have answered for it.
func TestLeaseReadsTheEndOfTheLog(t *testing.T) {
	h := start(t, 3, leases, early)
	h.lead()
	h.acks("n2")
	h.promises("n2", h.now, 100*ms)
	h.gets("n3", ForwardRequest[string]{Term: 1, Proposals: []Proposal[string]{{Seq: 1, Command: "x"}}})
	k := h.Read(h.now, "q", h.now+second)
	h.drain()
	h.wantOutcome(k, "")
	h.gets("n2", AppendReply{Term: 1, OK: true, Match: 2, At: h.now})
	h.wantOutcome(k, "q:1")
}

// A leader that has let others break their promises has no lease for the rest of the term, and serves by rounds.
func TestGivenUpLease(t *testing.T) {
	h := leaseHolder(t, 3)
	h.promises("n2", h.now, 100*ms)
	h.core.role.(*leader[string]).abdicated = true
	if h.readsAt(h.now) {
		t.Error("read by a lease that was given up")
	}
	h.promises("n2", h.now, 100*ms)
	if h.readsAt(h.now) {
		t.Error("a new promise has brought the lease back")
	}
	h.sent = nil
	k := h.Read(h.now, "q", h.now+second)
	h.drain()
	if m := only[AppendRequest[string]](h, "n2"); m.Promise != 0 {
		t.Errorf("asks for promises that it has no use for: %+v", m)
	}
	h.gets("n2", AppendReply{Term: 1, OK: true, Match: 1, At: h.now, Round: h.round()})
	h.wantOutcome(k, "q:0")
}

// A follower's read takes two messages: nobody else is asked, and the leader sends no round.
func TestLeaseAtAFollower(t *testing.T) {
	h := start(t, 5, leases)
	h.gets("n2", AppendRequest[string]{Term: 1, Promise: 100 * ms, Commit: 1, Entries: entries(1, 1)})
	if m := only[AppendReply](h, "n2"); m.Promise != 100*ms {
		t.Errorf("answered %+v", m)
	}
	k := h.Read(h.now, "q", h.now+second)
	h.drain()
	if len(h.sent) != 1 {
		t.Errorf("sent %v, want one message", h.sent)
	}
	m := only[ReadRequest](h, "n2")
	h.gets("n2", ReadReply{Term: 1, ID: m.ID, Index: 1, Commit: 1, Confirmed: true})
	h.wantOutcome(k, "q:1")

	l := leaseHolder(t, 5)
	l.promises("n2", l.now, 100*ms)
	l.promises("n3", l.now, 100*ms)
	l.sent = nil
	l.gets("n4", ReadRequest{Term: 1, ID: 7, Round: true})
	if m := only[ReadReply](l, "n4"); !m.Confirmed || m.Index != 1 {
		t.Errorf("answered %+v", m)
	}
	l.gets("n4", ReadRequest{Term: 1, ID: 8, Round: true})
	if len(l.sent) != 1 {
		t.Errorf("sent %v, want one answer", l.sent)
	}
}

// promised returns a node that has promised n2, the leader of term 1, not to vote before the moment that is returned.
func promised(t *testing.T) (*host, time.Duration) {
	t.Helper()
	h := start(t, 3, leases)
	// The promise is longer than the sticky votes of every Raft, so that it is the promise that is tested.
	h.gets("n2", AppendRequest[string]{Term: 1, Promise: 900 * ms})
	if m := only[AppendReply](h, "n2"); m.Promise != 900*ms {
		t.Fatalf("answered %+v", m)
	}
	return h, h.now + 900*ms
}

func (h *host) preVoteAt(now time.Duration) bool {
	h.t.Helper()
	h.now, h.sent = now, nil
	h.gets("n3", PreVoteRequest{Term: h.Status().Term + 1, LastIndex: 9, LastTerm: 1, At: now})
	return only[PreVoteReply](h, "n3").Granted
}

// voteAt asks for a vote in a term, and returns whether it was given; no answer is none.
func (h *host) voteAt(now time.Duration, term Term) bool {
	h.t.Helper()
	h.now, h.sent = now, nil
	m := VoteRequest{Term: term, At: now}
	if term > 1 {
		m.LastIndex, m.LastTerm = 9, 1
	}
	h.gets("n3", m)
	answers := take[VoteReply](h, "n3")
	return len(answers) > 0 && answers[0].Granted
}

func TestPromisedPreVote(t *testing.T) {
	h, until := promised(t)
	if h.preVoteAt(until - 1) {
		t.Error("promised its vote while it had promised not to vote")
	}
	if !h.preVoteAt(until) {
		t.Error("refused when the promise was over")
	}
}

func TestPromisedVote(t *testing.T) {
	h, until := promised(t)
	if h.voteAt(until-1, 2) || h.Status().Term != 1 {
		t.Error("voted, or entered the candidate's term, while it had promised not to vote")
	}
	if !h.voteAt(until, 2) {
		t.Error("refused when the promise was over")
	}
}

// The promise outlives the term in which it was made: other messages than a candidate's may have brought the node into a later one.
func TestPromisedVoteInALaterTerm(t *testing.T) {
	h, until := promised(t)
	h.gets("n3", ConfirmRequest{Term: 2})
	if h.voteAt(until-1, 2) {
		t.Error("voted while it had promised not to vote")
	}
	if !h.voteAt(until, 2) {
		t.Error("refused when the promise was over")
	}
}

// A leader that hands over releases its voters from what they promised it: the target votes for itself, and others for the target.
func TestTransferEndsPromises(t *testing.T) {
	h, _ := promised(t)
	h.gets("n3", VoteRequest{Term: 2, LastIndex: 9, LastTerm: 1, At: h.now, Transfer: true})
	if !only[VoteReply](h, "n3").Granted {
		t.Error("bound by a promise to a leader that hands over")
	}
	h, _ = promised(t)
	h.gets("n2", TimeoutNow{Term: 1})
	h.wantRole(Candidate)
	h.gets("n2", VoteReply{Term: 2, Granted: true})
	h.wantRole(Leader)
}

// A candidate votes for itself: so nobody stands for election before its promise is over.
func TestPromisedCandidacy(t *testing.T) {
	h, until := promised(t)
	h.wait(until - h.now - 1)
	h.wantRole(Follower)
	h.wait(100 * ms)
	h.wantRole(PreCandidate)
}

// A shorter promise that follows a longer one leaves it as it was.
func TestPromiseIsNotShortened(t *testing.T) {
	h, until := promised(t)
	h.now += ms
	h.gets("n2", AppendRequest[string]{Term: 1, Promise: 50 * ms})
	if h.voteAt(until-1, 2) {
		t.Error("voted while it had promised not to vote")
	}
	h.wait(until - h.now - 1)
	h.wantRole(Follower)
}

// A node that takes no part in leases says so: it promises nothing, and is bound by nothing.
func TestNoPromiseWithoutLeases(t *testing.T) {
	h := start(t, 3, func(c *Config[string]) { c.ElectionTimeout = 100 * ms })
	h.gets("n2", AppendRequest[string]{Term: 1, Promise: 900 * ms})
	if m := only[AppendReply](h, "n2"); m.Promise != 0 {
		t.Errorf("answered %+v", m)
	}
	if !h.voteAt(h.now+100*ms, 2) {
		t.Error("refused its vote")
	}
}

// Whoever was started anew has forgotten what it promised, and does not vote for as long as that can have been; nobody for itself either.
func TestRestartedVoterRemembersNoPromise(t *testing.T) {
	h, _ := promised(t)
	h = restart(t, h.disk, 3, leases)
	if h.preVoteAt(maxPromise-1) || h.voteAt(maxPromise-1, 2) {
		t.Error("gave its vote away")
	}
	h.wait(0)
	h.wantRole(Follower)
	if !h.voteAt(maxPromise, 2) {
		t.Error("still votes for nobody")
	}
	h = restart(t, h.disk, 3) // no leases
	if !h.voteAt(ms, 3) {
		t.Error("votes for nobody, and has nothing to do with leases")
	}
}

// A node that has never been in any term can have promised nothing: the first election of a cluster comes as soon as ever.
func TestFirstElectionWaitsForNoPromise(t *testing.T) {
	h := start(t, 3, leases)
	h.wait(0)
	h.wantRole(Candidate)
	if o := start(t, 3, leases); !o.voteAt(0, 1) {
		t.Error("refused its first vote")
	}
}

// No peer makes a voter promise for ever, or a leader believe in the future.
func TestAbsurdPromises(t *testing.T) {
	h := start(t, 3, leases)
	h.refuses("n2", AppendRequest[string]{Term: 1, Promise: maxPromise + 1})
	h.refuses("n2", AppendRequest[string]{Term: 1, Promise: -1})
	h = leaseHolder(t, 3)
	h.refuses("n2", AppendReply{Term: 1, OK: true, Match: 1, At: h.now, Promise: maxPromise + 1})
	h.refuses("n2", AppendReply{Term: 1, OK: true, Match: 1, At: h.now + 1, Promise: ms})
}

// The promise costs nobody anything where round trips are short, and lasts until the next one where they are long.
func TestAskedPromise(t *testing.T) {
	for _, c := range []struct {
		rtt, deviation, want time.Duration
	}{
		{0, 0, 100 * ms},
		{20 * ms, 2 * ms, 100 * ms},
		{100 * ms, 0, 166_666 * time.Microsecond},
		{200 * ms, 10 * ms, 400 * ms},
		{600 * ms, 0, maxPromise},
		{790 * ms, 0, maxPromise},
		{800 * ms, 0, 0}, // the lease would be over when the answer comes
	} {
		h := start(t, 3, func(c *Config[string]) { c.Reads = LeaseReads })
		h.core.pace.adopt(RoundTrip{Mean: c.rtt, Deviation: c.deviation}, h.now)
		if got := h.core.askedPromise(&leader[string]{}); got != c.want {
			t.Errorf("round trips of %v ± %v: %v, want %v", c.rtt, c.deviation, got, c.want)
		}
	}
	if got := start(t, 3).core.askedPromise(&leader[string]{}); got != 0 {
		t.Errorf("without leases: %v", got)
	}
}

// Reads that go through the log are applied like commands, and at their deadline nothing has happened.
func TestReadsThroughTheLog(t *testing.T) {
	h := start(t, 3, func(c *Config[string]) { c.Reads = LogReads })
	h.lead()
	h.acks("n2")
	k, late := h.Read(h.now, "q", h.now+second), h.Read(h.now, "r", h.now+ms)
	h.drain()
	h.wantLog(1, 1, 1)
	h.now += ms
	h.drain()
	h.wantOutcome(late, ErrUnavailable.Error())
	h.acks("n2")
	h.wantOutcome(k, "did q")
}

func TestWaysToRead(t *testing.T) {
	for _, c := range []struct {
		change func(*Config[string])
		ok     bool
	}{
		{leases, true},
		{func(c *Config[string]) { c.Reads = LogReads + 1 }, false},
		{func(c *Config[string]) { c.Reads = -1 }, false},
		{func(c *Config[string]) { c.MaxDrift = -0.1 }, false},
		{func(c *Config[string]) { c.MaxDrift = 1.1 }, false},
		{func(c *Config[string]) { c.MaxDrift = 0.001 }, true},
	} {
		cfg := Config[string]{ID: "n1", Members: []NodeID{"n1"}}
		c.change(&cfg)
		if err := cfg.Validate(); (err == nil) != c.ok {
			t.Errorf("%v, %v: %v", cfg.Reads, cfg.MaxDrift, err)
		}
	}
	if LeaseReads.String() != "lease" {
		t.Error(LeaseReads)
	}
}
