package workbench

import (
	"context"
	"math/rand/v2"
)

// workload is the seam between the bench and what it tests: it says what
// clients ask, what replies mean, and whether a history is right. All methods
// are pure functions of their arguments and safe for concurrent use.
type workload interface {
	// next fills in F and Value of a thread's next operation from the thread's
	// own stream. Half of the threads are readers.
	next(r *rand.Rand, reader bool, o *op)
	// request returns the request body of an operation.
	request(o *op, msgID int64) []byte
	// interpret sets Outcome, Code and Result from a reply, and says what is
	// wrong with a reply that is not what the request asks for.
	interpret(o *op, r reply) *fault
	// silent sets the outcome of an operation that got no reply: code says why.
	silent(o *op, code int)
	// mutates says whether an operation with this F changes state.
	mutates(f string) bool
	// check judges a history under both readings.
	check(ctx context.Context, ops []*op) checkResult
}

// newWorkload returns the workload of a validated name.
func newWorkload(string) workload { return linKV{} }
