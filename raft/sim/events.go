package sim

import (
	"container/heap"
	"runtime/debug"
	"time"
)

const forever = time.Duration(1<<63 - 1)

// event is something that happens at a moment. Events of one moment happen in the order in which they were planned.
type event struct {
	at  time.Duration
	seq int
	do  func()
}

type events []event

func (e events) Len() int { return len(e) }
func (e events) Less(i, j int) bool {
	return e[i].at < e[j].at || e[i].at == e[j].at && e[i].seq < e[j].seq
}
func (e events) Swap(i, j int) { e[i], e[j] = e[j], e[i] }
func (e *events) Push(x any)   { *e = append(*e, x.(event)) }
func (e *events) Pop() any {
	last := (*e)[len(*e)-1]
	*e = (*e)[:len(*e)-1]
	return last
}

func (c *Cluster[C, R]) at(t time.Duration, do func()) {
	c.known.planned++
	heap.Push(&c.events, event{t, c.known.planned, do})
}

// After calls f after a delay, as one event of its own.
func (c *Cluster[C, R]) After(d time.Duration, f func()) { c.at(c.now+d, f) }

// Run lets time pass. It returns the first violation of a rule.
func (c *Cluster[C, R]) Run(d time.Duration) error {
	end := c.now + d
	for c.broken == nil && len(c.events) > 0 && c.events[0].at <= end {
		e := heap.Pop(&c.events).(event)
		c.now = e.at
		c.guard(e.do)
	}
	c.now = end
	return c.Err()
}

// guard makes a violation of a panic, so that it has a seed and can be shrunk like any other.
func (c *Cluster[C, R]) guard(do func()) {
	defer func() {
		if p := recover(); p != nil {
			c.Violate("no panic", "%v\n%s", p, debug.Stack())
		}
	}()
	do()
}

// RunUntil lets time pass until a condition holds, for at most limit, and says whether it came to hold.
func (c *Cluster[C, R]) RunUntil(limit time.Duration, condition func() bool) bool {
	for end := c.now + limit; !condition(); {
		if c.broken != nil || len(c.events) == 0 || c.events[0].at > end {
			return false
		}
		if err := c.Run(c.events[0].at - c.now); err != nil {
			return false
		}
	}
	return true
}
