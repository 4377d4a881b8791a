package kv

import (
	"hash/maphash"
	"maps"
)

// parts is how many parts a table has. To note them all takes a microsecond; and of 10,000 keys each part holds ten.
const parts = 1 << 10

// table is a map that can be captured: noted as it is, in a time that does not depend on its size, to be read while it goes on. It is cut into parts,
// and a part that a capture may still hold is copied before it is changed.
type table struct {
	seed  maphash.Seed
	parts [parts]part
	len   int
	age   uint64 // how many captures there have been
}

// part is one part of a table. No capture holds it if it is as old as the table.
type part struct {
	values map[string]Value
	age    uint64
}

func newTable() *table { return &table{seed: maphash.MakeSeed()} }

// part returns the part in which a key has its place. Which that is differs from table to table, and shows nowhere.
func (t *table) part(key string) *part { return &t.parts[maphash.String(t.seed, key)%parts] }

func (t *table) get(key string) (Value, bool) {
	v, ok := t.part(key).values[key]
	return v, ok
}

func (t *table) set(key string, v Value) {
	p := t.part(key)
	switch {
	case p.values == nil:
		p.values = map[string]Value{}
	case p.age != t.age:
		p.values = maps.Clone(p.values)
	}
	p.age = t.age
	before := len(p.values)
	p.values[key] = v
	t.len += len(p.values) - before
}

// capture returns the parts as they are now. They must not be changed.
func (t *table) capture() *[parts]part {
	captured := t.parts
	t.age++
	return &captured
}
