package raft

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// drawTerms draws terms that never fall.
func drawTerms(t *rapid.T, most int) []Term {
	terms := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) Term { return Term(rapid.Uint64Range(1, 5).Draw(t, "term")) }), 0, most).Draw(t, "terms")
	slices.Sort(terms)
	return terms
}

func drawIndex(t *rapid.T, low, high Index, label string) Index {
	return Index(rapid.Uint64Range(uint64(low), uint64(high)).Draw(t, label))
}

// naiveLog is a log that finds everything by looking at all entries.
type naiveLog struct {
	base          Index
	baseTerm      Term
	entries       []Entry[string]
	handed, saved Index
}

func (n *naiveLog) last() Index {
	last := n.base
	for range n.entries {
		last++
	}
	return last
}

func (n *naiveLog) between(from, to Index) (es []Entry[string]) {
	for _, e := range n.entries {
		if e.Index > from && e.Index <= to {
			es = append(es, e)
		}
	}
	return es
}

func (n *naiveLog) term(i Index) (Term, bool) {
	for _, e := range n.entries {
		if e.Index == i {
			return e.Term, true
		}
	}
	return n.baseTerm, i == n.base
}

func (n *naiveLog) lastAtOrBelow(limit Index, t Term) Index {
	at := min(limit, n.last())
	for at > n.base {
		if own, _ := n.term(at); own <= t {
			break
		}
		at--
	}
	return at
}

func (n *naiveLog) fit(from Index, limit int) (Index, int) {
	bytes := 0
	for _, e := range n.between(from, n.last()) {
		if e.Index > from+1 && bytes+len(e.Command) > limit {
			return e.Index - 1, bytes
		}
		bytes += len(e.Command)
	}
	return n.last(), bytes
}

// TestLogAgainstNaiveModel: whatever is appended, dropped, written and saved in whatever order, and wherever the log begins. Slices that were
// handed out keep their content.
func TestLogAgainstNaiveModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		base := drawIndex(t, 0, 3, "base")
		l := log[string]{base: base, baseTerm: min(Term(base), 1), handed: base, saved: base}
		n := naiveLog{base: base, baseTerm: l.baseTerm, handed: base, saved: base}
		type shown struct{ now, then []Entry[string] }
		var handedOut []shown
		for range rapid.IntRange(1, 30).Draw(t, "steps") {
			switch rapid.IntRange(0, 3).Draw(t, "step") {
			case 0:
				fresh := entries(l.last()+1, drawTerms(t, 3)...)
				for i := range fresh {
					fresh[i].Term = max(fresh[i].Term, l.lastTerm())
					fresh[i].Command = rapid.SampledFrom([]string{"", "x", "four"}).Draw(t, "command")
				}
				l.append(fresh...)
				n.entries = slices.Concat(n.entries, fresh)
			case 1:
				at := drawIndex(t, base, l.last()+1, "truncate")
				l.truncate(at)
				n.entries = n.between(base, at)
				n.handed, n.saved = min(n.handed, n.last()), min(n.saved, n.last())
			case 2:
				got, want := l.takeUnwritten(), n.between(n.handed, n.last())
				if !slices.Equal(got, want) {
					t.Fatalf("unwritten %v, want %v", got, want)
				}
				n.handed = n.last()
				handedOut = append(handedOut, shown{got, want})
			case 3:
				at, term := drawIndex(t, 0, n.handed, "saved"), Term(rapid.Uint64Range(0, 5).Draw(t, "term"))
				l.markSaved(at, term)
				if own, known := n.term(at); known && own == term {
					n.saved = max(n.saved, at)
				}
			}
			compareLogs(t, &l, &n)
		}
		for _, s := range handedOut {
			if !slices.Equal(s.now, s.then) {
				t.Fatalf("what was handed out has changed from %v to %v", s.then, s.now)
			}
		}
	})
}

func compareLogs(t *rapid.T, l *log[string], n *naiveLog) {
	last := n.last()
	if l.last() != last || l.handed != n.handed || l.saved != n.saved {
		t.Fatalf("last %d, handed out %d, saved %d; want %d, %d, %d", l.last(), l.handed, l.saved, last, n.handed, n.saved)
	}
	lastTerm, _ := n.term(last)
	for i := Index(0); i <= last+1; i++ {
		for term := range Term(6) {
			own, known := n.term(i)
			if got := l.has(i, term); got != (known && own == term) {
				t.Fatalf("has(%d, %d) is %v", i, term, got)
			}
			if got, want := l.lastAtOrBelow(i, term), n.lastAtOrBelow(i, term); got != want {
				t.Fatalf("lastAtOrBelow(%d, %d) is %d, want %d", i, term, got, want)
			}
			if got, want := l.upToDate(i, term), term > lastTerm || term == lastTerm && i >= last; got != want {
				t.Fatalf("upToDate(%d, %d) is %v", i, term, got)
			}
		}
	}
	from := drawIndex(t, l.base, last, "from")
	to := drawIndex(t, from, last, "to")
	if got, want := l.slice(from, to), n.between(from, to); !slices.Equal(got, want) {
		t.Fatalf("slice(%d, %d) is %v, want %v", from, to, got, want)
	}
	limit := rapid.IntRange(0, 10).Draw(t, "limit")
	got, bytes := l.fit(from, limit, func(c string) int { return len(c) })
	if want, wantBytes := n.fit(from, limit); got != want || bytes != wantBytes {
		t.Fatalf("fit(%d, %d) is %d with %d bytes, want %d with %d", from, limit, got, bytes, want, wantBytes)
	}
}

// TestProgressAgainstNaiveModel: in flight is what was launched since the window last started over and has not been accepted.
func TestProgressAgainstNaiveModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const maxFlights, maxBytes = 3, 10
		p := &progress{next: drawIndex(t, 1, 9, "next")}
		var flying []flight
		match := Index(0)
		for range rapid.IntRange(1, 40).Draw(t, "steps") {
			switch step := rapid.IntRange(0, 3).Draw(t, "step"); {
			case step == 0 && !p.full(maxFlights, maxBytes):
				f := flight{prev: p.next - 1, last: p.next - 1 + drawIndex(t, 1, 3, "entries"), bytes: rapid.IntRange(0, 6).Draw(t, "bytes"), askedAt: forever}
				p.launch(f.last, f.bytes)
				flying = append(flying, f)
			case step == 1:
				wasProbing := p.probing
				at := drawIndex(t, 0, p.next+2, "match")
				p.accept(at)
				match = max(match, at)
				flying = slices.DeleteFunc(flying, func(f flight) bool { return wasProbing || f.last <= at })
			case step == 2:
				p.rewind(drawIndex(t, match, p.next-1, "agree"))
				flying = nil
			case step == 3 && len(flying) > 0:
				p.retry()
				flying = nil
			}
			checkProgress(t, p, flying, match)
			full := len(flying) >= maxFlights || p.flightBytes >= maxBytes
			if p.probing {
				full = len(flying) > 0
			}
			if p.full(maxFlights, maxBytes) != full {
				t.Fatalf("full is %v with %+v", !full, p)
			}
		}
	})
}

func checkProgress(t *rapid.T, p *progress, flying []flight, match Index) {
	bytes, end := 0, p.next-1
	for _, f := range flying {
		bytes += f.bytes
	}
	if len(flying) > 0 && !p.probing {
		end = flying[len(flying)-1].last
	}
	switch {
	case !slices.Equal(p.flights, flying) && len(p.flights)+len(flying) > 0:
		t.Fatalf("in flight is %v, want %v", p.flights, flying)
	case p.flightBytes != bytes:
		t.Fatalf("%d bytes in flight, want %d", p.flightBytes, bytes)
	case p.match != match || p.next <= match || p.next-1 != end:
		t.Fatalf("%+v, want match %d, and what is in flight to end before next", p, match)
	case p.probing && len(flying) > 1:
		t.Fatalf("%d probes at once", len(flying))
	}
	for i := 1; i < len(flying); i++ {
		if flying[i].prev != flying[i-1].last {
			t.Fatalf("a gap between %v", flying)
		}
	}
}

// drawCore draws a node of a cluster of up to seven, in term 5, with a log.
func drawCore(t *rapid.T) *core[string] {
	cfg := Config[string]{ID: "a", Seed: 1}
	for i := range rapid.IntRange(1, 7).Draw(t, "nodes") {
		cfg.Members = append(cfg.Members, NodeID("abcdefg"[i:i+1]))
	}
	saved := Saved[string]{HardState: HardState{Term: 5}, Entries: entries(1, drawTerms(t, 8)...)}
	c := newCore(cfg.withDefaults(), saved, 0)
	c.log.saved = drawIndex(t, 0, c.log.last(), "saved")
	c.commit = drawIndex(t, 0, c.log.last(), "commit")
	return c
}

// naiveCommit looks for the highest entry of the present term that more than half of the nodes have.
func naiveCommit(c *core[string], have []Index, most Index) Index {
	commit := c.commit
	for i := c.commit + 1; i <= most; i++ {
		count := 0
		for _, h := range have {
			if h >= i {
				count++
			}
		}
		if t, _ := c.log.term(i); t == c.hard.Term && 2*count > len(c.cfg.Members) {
			commit = i
		}
	}
	return commit
}

// TestMajoritiesAgainstCounting: what the sorted lists say, one gets by counting heads.
func TestMajoritiesAgainstCounting(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := drawCore(t)
		if q, n := c.config().majority(), len(c.cfg.Members); 2*q <= n || 2*(q-1) > n {
			t.Fatalf("%d of %d are no smallest majority", q, n)
		}
		c.now = time.Second
		l := &leader[string]{first: 1}
		f := newFollower[string]("b", 0, 0)
		f.early, f.verified = true, drawIndex(t, 0, c.log.last(), "verified")
		have, haveEarly, heard := []Index{c.log.saved}, []Index{c.log.saved}, []time.Duration{c.now}
		for i, id := range c.others() {
			match, ack := drawIndex(t, 0, c.log.last(), "match"), drawIndex(t, 0, c.log.last()+3, "ack")
			p := &progress{id: id, match: match, next: match + 1, ackAt: time.Duration(rapid.IntRange(0, 5).Draw(t, "ack at"))}
			l.peers = append(l.peers, p)
			have, heard = append(have, match), append(heard, p.ackAt)
			if f.acks[id] = ack; i == 0 {
				ack = f.verified // the leader
			}
			haveEarly = append(haveEarly, ack)
		}
		want := slices.MaxFunc(heard, func(x, y time.Duration) int { return int(majorityHeard(heard, x) - majorityHeard(heard, y)) })
		if got := c.quorumHeardAt(l); got != want {
			t.Fatalf("a majority of %v was heard at %v, want %v", heard, got, want)
		}
		wantEarly, wantCommit := naiveCommit(c, haveEarly, f.verified), naiveCommit(c, have, c.log.last())
		before := c.commit
		if c.commitEarly(f); len(c.others()) > 0 && c.commit != wantEarly {
			t.Fatalf("a follower commits %d of %v, want %d", c.commit, haveEarly, wantEarly)
		}
		c.commit = before
		if c.advanceCommit(l); c.commit != wantCommit {
			t.Fatalf("a leader commits %d of %v, want %d", c.commit, have, wantCommit)
		}
	})
}

// majorityHeard returns at if more than half of the nodes were heard then or later, else a time before all others.
func majorityHeard(heard []time.Duration, at time.Duration) time.Duration {
	count := 0
	for _, h := range heard {
		if h >= at {
			count++
		}
	}
	if 2*count > len(heard) {
		return at
	}
	return -1
}
