package workbench

import (
	"container/heap"
	"context"
	"sync"
	"time"
)

// parcel is a message on its way to a node.
type parcel struct {
	id       int
	message  message
	server   bool // from a node
	sent     time.Duration
	deadline time.Duration
	seq      uint64
}

// entry is the parcel's line in the journal.
func (p *parcel) entry(at time.Duration, f fate) journalEntry {
	return journalEntry{id: p.id, message: p.message, sent: p.sent, at: at, fate: f}
}

// inbox is a node's queue by deadline, first come first served among equals.
type inbox struct {
	mu    sync.Mutex
	queue parcels
	seq   uint64
	wake  chan struct{} // holds one token if something was pushed
}

func newInbox() *inbox { return &inbox{wake: make(chan struct{}, 1)} }

func (ib *inbox) push(p *parcel) {
	ib.mu.Lock()
	p.seq = ib.seq
	ib.seq++
	heap.Push(&ib.queue, p)
	ib.mu.Unlock()
	select {
	case ib.wake <- struct{}{}:
	default:
	}
}

// poll takes the head, due or not, and waits if there is none; nil means that
// ctx ended.
func (ib *inbox) poll(ctx context.Context) *parcel {
	for {
		ib.mu.Lock()
		if len(ib.queue) > 0 {
			p := heap.Pop(&ib.queue).(*parcel)
			ib.mu.Unlock()
			return p
		}
		ib.mu.Unlock()
		select {
		case <-ib.wake:
		case <-ctx.Done():
			return nil
		}
	}
}

// pollDue takes the head if it is due.
func (ib *inbox) pollDue(now time.Duration) *parcel {
	ib.mu.Lock()
	defer ib.mu.Unlock()
	if len(ib.queue) == 0 || ib.queue[0].deadline > now {
		return nil
	}
	return heap.Pop(&ib.queue).(*parcel)
}

type parcels []*parcel

func (q parcels) Len() int { return len(q) }

func (q parcels) Less(i, j int) bool {
	if q[i].deadline != q[j].deadline {
		return q[i].deadline < q[j].deadline
	}
	return q[i].seq < q[j].seq
}

func (q parcels) Swap(i, j int) { q[i], q[j] = q[j], q[i] }

func (q *parcels) Push(x any) { *q = append(*q, x.(*parcel)) }

func (q *parcels) Pop() any {
	old := *q
	last := old[len(old)-1]
	old[len(old)-1] = nil
	*q = old[:len(old)-1]
	return last
}
