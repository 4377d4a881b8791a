package raft

import (
	"slices"
	"sort"
)

// log is the replicated log of §5.3. Indices are global: base is the place before the first entry that is kept.
//
// Invariants: base <= saved <= handed <= last; entries[i].Index == base+1+i; terms never fall from entry to entry; configurations are those of the
// entries that have one, in their order, and before them the one in force at base.
//
// Slices of entries are handed out to batches and messages. They stay valid because an entry is never overwritten: what follows a
// truncation goes to fresh memory.
type log[C any] struct {
	base     Index
	baseTerm Term
	entries  []Entry[C]
	handed   Index // up to here given out to be written
	saved    Index // up to here known to be durable

	configurations []*Configuration
}

// config returns the configuration in force, which is the last one in the log, committed or not (§6).
func (l *log[C]) config() *Configuration { return l.configurations[len(l.configurations)-1] }

// configAt returns the configuration in force at an index that is not dropped.
func (l *log[C]) configAt(i Index) *Configuration { return inForce(l.configurations, i) }

func (l *log[C]) last() Index { return l.base + Index(len(l.entries)) }

func (l *log[C]) lastTerm() Term {
	t, _ := l.term(l.last())
	return t
}

// term returns the term of the entry at an index, and whether the log knows it.
func (l *log[C]) term(i Index) (Term, bool) {
	switch {
	case i == l.base:
		return l.baseTerm, true
	case i < l.base || i > l.last():
		return 0, false
	}
	return l.entries[i-l.base-1].Term, true
}

// has says whether the log holds an entry with this index and term. By the log matching property (§5.3) it then agrees with
// any log that has it too, up to there.
func (l *log[C]) has(i Index, t Term) bool {
	own, ok := l.term(i)
	return ok && own == t
}

// slice returns the entries after index from, up to and including index to.
func (l *log[C]) slice(from, to Index) []Entry[C] {
	return l.entries[from-l.base : to-l.base : to-l.base]
}

// append adds entries at the end.
func (l *log[C]) append(entries ...Entry[C]) {
	l.entries = append(l.entries, entries...)
	for _, e := range entries {
		if e.Config != nil {
			l.configurations = append(l.configurations, e.Config)
		}
	}
}

// truncate drops all entries behind an index. Where there are none it does nothing: a follower calls it before every append, and to give
// up the capacity would mean to copy the whole log each time.
func (l *log[C]) truncate(last Index) {
	if last >= l.last() {
		return
	}
	n := last - l.base
	l.entries = l.entries[:n:n] // no capacity: the next append moves to fresh memory
	l.handed = min(l.handed, last)
	l.saved = min(l.saved, last)
	l.configurations = slices.DeleteFunc(l.configurations, func(g *Configuration) bool { return g.Index > last })
}

// compact drops all entries up to an index.
func (l *log[C]) compact(to Index) {
	if to <= l.base {
		return
	}
	term, _ := l.term(to)
	l.entries = dropFirst(l.entries, int(to-l.base))
	l.base, l.baseTerm = to, term
	for len(l.configurations) > 1 && l.configurations[1].Index <= to {
		l.configurations = l.configurations[1:]
	}
}

// dropFirst returns a log's entries without the first n, in fresh memory: slices that were handed out stay as they are, and what nobody holds any more is
// given back. There is room for the log to become as long again as it was.
func dropFirst[C any](entries []Entry[C], n int) []Entry[C] {
	return append(make([]Entry[C], 0, len(entries)), entries[n:]...)
}

// reset drops all entries and goes on behind a place that a snapshot reaches.
func (l *log[C]) reset(base Index, term Term, config *Configuration) {
	*l = log[C]{base: base, baseTerm: term, handed: base, saved: base, configurations: []*Configuration{config}}
}

// upToDate says whether a log that ends in (index, term) is at least as up to date as this one (§5.4.1).
func (l *log[C]) upToDate(index Index, term Term) bool {
	own := l.lastTerm()
	return term > own || term == own && index >= l.last()
}

// lastAtOrBelow returns the last index, not above limit, whose entry has a term of at most t. Everything between it and limit
// cannot agree with a log that has term t there, which lets a leader skip a whole term at a time (end of §5.3).
func (l *log[C]) lastAtOrBelow(limit Index, t Term) Index {
	limit = min(limit, l.last())
	if limit <= l.base {
		return limit
	}
	n := sort.Search(int(limit-l.base), func(i int) bool { return l.entries[i].Term > t })
	return l.base + Index(n)
}

// takeUnwritten returns the entries that no batch has carried yet.
func (l *log[C]) takeUnwritten() []Entry[C] {
	entries := l.slice(l.handed, l.last())
	l.handed = l.last()
	return entries
}

// markSaved notes that everything up to an entry is durable. It does nothing if the entry has been replaced meanwhile.
func (l *log[C]) markSaved(i Index, t Term) {
	if l.has(i, t) {
		l.saved = max(l.saved, i)
		l.handed = max(l.handed, i)
	}
}

// fit returns the end of the longest run of entries after index from that the limit in bytes allows, but at least one entry.
func (l *log[C]) fit(from Index, limit int, size func(C) int) (to Index, bytes int) {
	for to = from; to < l.last(); to++ {
		n := size(l.entries[to-l.base].Command)
		if to > from && bytes+n > limit {
			break
		}
		bytes += n
	}
	return to, bytes
}
