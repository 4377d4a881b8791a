package workbench

import (
	"context"
	"sync/atomic"
	"time"
)

// clock counts monotonic time from the moment the bench was built.
type clock struct{ start time.Time }

func newClock() clock { return clock{start: time.Now()} }

func (c clock) now() time.Duration { return time.Since(c.start) }

// sleepTail is the last part of a sleep, which is left to a precise system
// call: the Go runtime rounds idle waits up to whole milliseconds, which is a
// large error next to a delay of 10 ms.
const sleepTail = 1500 * time.Microsecond

// sleeper sleeps to the deadline and reports false if ctx ended first.
type sleeper func(ctx context.Context, d time.Duration) bool

// coarseSleep sleeps with the runtime's timers only. It works under synctest.
func coarseSleep(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// preciseSleep is coarseSleep with an exact end.
func preciseSleep(ctx context.Context, d time.Duration) bool {
	end := time.Now().Add(d)
	if d > sleepTail && !coarseSleep(ctx, d-sleepTail) {
		return false
	}
	if rest := time.Until(end); rest > 0 {
		shortSleep(rest)
	}
	return ctx.Err() == nil
}

// lateness measures how late sleeps end. Safe for concurrent use.
type lateness struct{ count, sumNS, maxNS atomic.Int64 }

func (l *lateness) record(d time.Duration) {
	l.count.Add(1)
	l.sumNS.Add(int64(d))
	for {
		old := l.maxNS.Load()
		if int64(d) <= old || l.maxNS.CompareAndSwap(old, int64(d)) {
			return
		}
	}
}

// mean and worst lateness.
func (l *lateness) summary() (mean, worst time.Duration) {
	if n := l.count.Load(); n > 0 {
		mean = time.Duration(l.sumNS.Load() / n)
	}
	return mean, time.Duration(l.maxNS.Load())
}
