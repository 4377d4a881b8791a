package raft

import (
	"strings"
	"testing"
	"time"
)

func thrifty(c *Config[string]) { c.Thrifty = true }

var (
	steady   = RoundTrip{Mean: 20 * time.Millisecond}
	unsteady = RoundTrip{Mean: 20 * time.Millisecond, Deviation: 15 * time.Millisecond}
)

// confirmersAsked returns who was asked to confirm a term since the last call of only.
func (h *host) confirmersAsked() (whom string) {
	for _, p := range h.core.others() {
		for range take[ConfirmRequest](h, p) {
			whom += string(p)
		}
	}
	return whom
}

// A follower's read asks as many as it takes, and one more where round trips vary.
func TestThriftyRead(t *testing.T) {
	for rtt, want := range map[RoundTrip]string{steady: "n3", unsteady: "n3n4"} {
		h := start(t, 5, thrifty)
		h.gets("n2", AppendRequest[string]{Term: 3, Entries: entries(1, 1), RTT: rtt})
		h.Read(h.now, "q", h.now+second)
		h.drain()
		if whom := h.confirmersAsked(); whom != want {
			t.Errorf("round trips of %v: asked %s, want %s", rtt, whom, want)
		}
	}
}

// When those have had their time the others are asked, once; but not if only the leader's answer is missing. Who has answered is asked the next time.
func TestThriftyReadAsksTheOthers(t *testing.T) {
	for _, confirmed := range []bool{false, true} {
		h := start(t, 5, thrifty)
		h.gets("n2", AppendRequest[string]{Term: 3, Entries: entries(1, 1), RTT: steady, Commit: 1})
		k := h.Read(h.now, "q", h.now+second)
		h.drain()
		id := only[ReadRequest](h, "n2").ID
		h.wait(29 * time.Millisecond)
		if len(h.sent) > 0 {
			t.Errorf("sent %v too early", h.sent)
		}
		want := "n3n4n5"
		if confirmed {
			h.gets("n3", ConfirmReply{Term: 3, ID: id})
			want = ""
		}
		h.wait(30 * time.Millisecond)
		if whom := h.confirmersAsked(); whom != want {
			t.Errorf("n3 has confirmed: %t; asked %q, want %q", confirmed, whom, want)
		}
		h.gets("n2", ReadReply{Term: 3, ID: id, Index: 1, Commit: 1})
		h.gets("n5", ConfirmReply{Term: 3, ID: id})
		h.wantOutcome(k, "q:1")
		h.sent = nil
		h.Read(h.now, "q", h.now+second)
		h.drain()
		if whom := h.confirmersAsked(); whom != map[bool]string{false: "n5", true: "n3"}[confirmed] {
			t.Errorf("n3 has confirmed: %t; asked %s the next time", confirmed, whom)
		}
	}
}

// thriftyLeader returns the leader of five nodes, to which all have answered 20 ms after they were asked.
func thriftyLeader(t *testing.T) *host {
	h := start(t, 5, thrifty, func(c *Config[string]) { c.ElectionTimeout, c.MaxInflight = 300*time.Millisecond, 16 })
	h.lead()
	for _, id := range h.core.others() {
		h.acks(id)
	}
	h.core.pace.adopt(steady, h.now)
	h.sent = nil
	return h
}

// asks returns who has been sent an append that is to be answered since the last call, and who one that is not.
func (h *host) asks() (loud, quiet string) {
	for _, p := range h.core.others() {
		for _, m := range take[AppendRequest[string]](h, p) {
			if m.Quiet {
				quiet += string(p)
			} else {
				loud += string(p)
			}
		}
	}
	h.sent = nil
	return loud, quiet
}

// reply lets a peer answer what it was sent last.
func (h *host) reply(from NodeID) {
	h.t.Helper()
	h.gets(from, AppendReply{Term: 1, OK: true, Match: h.core.log.last(), At: h.now - steady.Mean, Round: h.round()})
}

// A round of reads goes to two of four followers; when they have had their time the others are asked, and those who answer then are asked next time.
func TestThriftyRound(t *testing.T) {
	h := thriftyLeader(t)
	k := h.Read(h.now, "q", h.now+second)
	h.drain()
	if loud, quiet := h.asks(); loud != "n2n3" || quiet != "" {
		t.Errorf("asked %s and told %s", loud, quiet)
	}
	h.wait(29 * time.Millisecond)
	if loud, _ := h.asks(); loud != "" {
		t.Errorf("asked %s too early", loud)
	}
	h.reply("n2")
	h.wait(2 * time.Millisecond)
	if loud, _ := h.asks(); loud != "n4n5" {
		t.Errorf("asked %s, which are not the others", loud)
	}
	h.reply("n5")
	h.wantOutcome(k, "q:0")
	h.Read(h.now, "q", h.now+second)
	h.drain()
	if loud, _ := h.asks(); loud != "n2n5" {
		t.Errorf("asked %s the next time", loud)
	}
}

// Entries go to everybody, and two of four followers need not answer; but when the commit is late, they are asked.
func TestThriftyCommit(t *testing.T) {
	h := thriftyLeader(t)
	k := h.Propose(h.now, "x", h.now+second)
	h.drain()
	if loud, quiet := h.asks(); loud != "n2n3" || quiet != "n4n5" {
		t.Errorf("asked %s and told %s", loud, quiet)
	}
	h.reply("n2")
	h.wait(31 * time.Millisecond)
	if loud, quiet := h.asks(); loud != "n4n5" || quiet != "" {
		t.Errorf("asked %s and told %s later", loud, quiet)
	}
	h.reply("n4")
	h.wantOutcome(k, "did x")
}

// The quiet ones are asked now and then, so that they stay reachable and their windows open.
func TestThriftyLeaderHearsEverybody(t *testing.T) {
	h := thriftyLeader(t)
	run := 0
	for range 100 {
		h.Propose(h.now, "x", h.now+second)
		h.drain()
		loud, quiet := h.asks()
		switch {
		case loud == "n2n3" && quiet == "n4n5":
			run++
		case loud == "n2n3n4n5":
			h.reply("n4")
			h.reply("n5")
			run = 0
		default:
			t.Fatalf("asked %s and told %s", loud, quiet)
		}
		if run > 16/quietShare {
			t.Fatalf("left two followers alone for %d appends", run)
		}
		h.reply("n2")
		h.reply("n3")
	}
	for end := h.now + time.Second; h.now < end; {
		h.wait(10 * time.Millisecond)
		loud, _ := h.asks()
		for _, id := range h.core.others() {
			if strings.Contains(loud, string(id)) {
				h.reply(id)
			}
		}
		for _, p := range h.core.role.(*leader[string]).peers {
			if !h.core.reachable(p) {
				t.Fatalf("%s has not been heard for %v", p.id, h.now-p.ackAt)
			}
		}
	}
}

// Where round trips vary, everybody is asked at once.
func TestUnsteadyLeaderAsksEverybody(t *testing.T) {
	h := thriftyLeader(t)
	h.core.pace.adopt(unsteady, h.now)
	h.Propose(h.now, "x", h.now+second)
	h.drain()
	if loud, quiet := h.asks(); loud != "n2n3n4n5" || quiet != "" {
		t.Errorf("asked %s and told %s", loud, quiet)
	}
}

// A follower does not answer what wants no answer, unless the logs do not agree; and whoever proposed an entry hears of it all the same.
func TestQuietAppend(t *testing.T) {
	h := start(t, 5)
	h.gets("n2", AppendRequest[string]{Term: 1, Quiet: true, Early: true, Second: []NodeID{"n5"}, Entries: []Entry[string]{own("n5", 1, 1)}})
	if len(h.sent) != 1 || h.sent[0].To != "n5" {
		t.Errorf("sent %v, want only what n5 waits for", h.sent)
	}
	h.sent = nil
	h.gets("n2", AppendRequest[string]{Term: 1, Quiet: true, PrevIndex: 5, PrevTerm: 1})
	if m := only[AppendReply](h, "n2"); m.OK {
		t.Errorf("answered %+v where the logs do not agree", m)
	}
	h.gets("n2", AppendRequest[string]{Term: 1})
	if m := only[AppendReply](h, "n2"); !m.OK || m.Match != 1 {
		t.Errorf("answered %+v when asked, want what came before as well", m)
	}
}
