package workbench

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
)

// Purposes of random streams. Two streams of different purpose or id are
// independent, so that what one consumer draws never shifts another's draws.
const (
	purposeOps      = "ops"      // id: thread
	purposeDelay    = "delay"    // id: link
	purposeFate     = "fate"     // id: link; loss, duplicates and the like
	purposeNemesis  = "nemesis"  // id: fault; timetable and victims
	purposeStagger  = "stagger"  // times of operations
	purposeDispatch = "dispatch" // choice among free threads
)

// stream returns the random stream that belongs to a purpose and an id under
// a seed. The caller owns it; it is not safe for concurrent use.
func stream(seed uint64, purpose, id string) *rand.Rand {
	sum := sha256.Sum256(fmt.Appendf(nil, "%d/%s/%s", seed, purpose, id))
	return rand.New(rand.NewPCG(
		binary.LittleEndian.Uint64(sum[0:8]),
		binary.LittleEndian.Uint64(sum[8:16]),
	))
}

// drawSeed returns a seed that people can retype and every JSON reader can
// hold. It is never 0, which means "draw one".
func drawSeed() uint64 { return 1 + uint64(rand.Uint32()) }

// latency draws one-way delays in whole milliseconds, as Maelstrom does.
type latency struct {
	mean int // milliseconds
	dist string
}

// draw returns the next delay in milliseconds. A mean of 0 gives 0 under
// every distribution (Maelstrom hangs or divides by zero there).
func (l latency) draw(r *rand.Rand) int {
	if l.mean == 0 {
		return 0
	}
	switch l.dist {
	case distUniform:
		return r.IntN(2 * l.mean)
	case distExponential:
		return int(r.ExpFloat64() * float64(l.mean))
	default:
		return l.mean
	}
}
