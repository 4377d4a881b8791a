package workbench

// budget bounds the memory of a search. It belongs to one search.
type budget struct {
	left      int64 // bytes
	perStep   int64 // bytes that porcupine keeps for each state
	exhausted bool
}

func (b *budget) spend(bytes int64) {
	b.left -= bytes
	b.exhausted = b.left < 0
}

// newBudget is the budget of a search over so many operations: porcupine keeps
// a bit per operation with every state that it remembers.
func newBudget(operations int) *budget {
	return &budget{left: checkMemoryLimit, perStep: int64(operations/8 + 128)}
}

// progress is a set of operations: all below low, and those in a bit set that
// starts at low rounded down to a multiple of 64. It is not changed once made.
type progress struct {
	low  int
	bits []uint64
}

func (p progress) has(id int) bool {
	i := id/64 - p.low/64
	return id < p.low || (i < len(p.bits) && p.bits[i]&(1<<(id%64)) != 0)
}

// with returns the set with one more operation.
func (p progress) with(id int) progress {
	first := p.low / 64
	bits := make([]uint64, max(len(p.bits), id/64-first+1))
	copy(bits, p.bits)
	bits[id/64-first] |= 1 << (id % 64)
	q := progress{p.low, bits}
	for q.has(q.low) {
		if q.low++; q.low%64 == 0 {
			q.bits = q.bits[1:]
		}
	}
	return q
}
