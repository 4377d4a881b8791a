package session

import (
	"hash/maphash"
	"maps"
	"slices"
)

// parts is how many parts a table has. To note them all takes a microsecond; and of 10,000 clients each part holds ten.
const parts = 1 << 10

// table is the records of all clients by name. It can be captured: noted as it is, in a time that does not depend on its size, to be read while it goes
// on. It is cut into parts, and what a capture may still hold, a part or a record, is copied before it is changed. (Package kv has one of its own: the
// two know nothing of each other.)
type table[R any] struct {
	seed  maphash.Seed
	parts [parts]part[R]
	age   uint64 // how many captures there have been
}

// part is one part of a table. No capture holds it if it is as old as the table.
type part[R any] struct {
	records map[string]*record[R]
	age     uint64
}

func newTable[R any]() *table[R] { return &table[R]{seed: maphash.MakeSeed()} }

// part returns the part in which a client has its place. Which that is differs from table to table, and shows nowhere.
func (t *table[R]) part(name string) *part[R] { return &t.parts[maphash.String(t.seed, name)%parts] }

// get returns a client's record, which must not be changed, or nil.
func (t *table[R]) get(name string) *record[R] { return t.part(name).records[name] }

// own returns a client's record to be changed, or nil.
func (t *table[R]) own(name string) *record[R] {
	r := t.get(name)
	if r == nil || r.age == t.age {
		return r
	}
	own := *r
	own.Answers = slices.Clone(r.Answers)
	t.set(&own)
	return &own
}

// set takes in a client's record, known or new.
func (t *table[R]) set(r *record[R]) {
	r.age = t.age
	t.ownPart(r.Name).records[r.Name] = r
}

func (t *table[R]) remove(name string) { delete(t.ownPart(name).records, name) }

func (t *table[R]) ownPart(name string) *part[R] {
	p := t.part(name)
	switch {
	case p.records == nil:
		p.records = map[string]*record[R]{}
	case p.age != t.age:
		p.records = maps.Clone(p.records)
	}
	p.age = t.age
	return p
}

// capture returns the parts as they are now. They must not be changed, and neither must their records.
func (t *table[R]) capture() *[parts]part[R] {
	captured := t.parts
	t.age++
	return &captured
}
