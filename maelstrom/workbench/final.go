package workbench

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
)

const (
	// finalPatience is how long, after the last fault has ended, a node may take until its first answers to the final reads.
	finalPatience = 30 * time.Second
	// finalPause is the time between two tries of one read.
	finalPause = 100 * time.Millisecond
	// finalClients is how many clients read at each node.
	finalClients = 4
	// maxUnread is how many reads that nobody answered are named.
	maxUnread = 5
)

// FinalReads is what came of --final-reads: every key that clients had used, read at every node after all faults had ended. The values are part of the
// history that is checked: what was acknowledged and cannot be read any more makes the test invalid.
type FinalReads struct {
	Keys int `json:"keys"`
	// Reads is how many there are, one for each key at each node; Served is how many were answered, if not at once.
	Reads  int `json:"reads"`
	Served int `json:"served"`
	// Unread names the first that nobody answered.
	Unread []string `json:"unread,omitempty"`
	// Seconds is how long all of it took, the restart of nodes that were down included.
	Seconds float64 `json:"seconds"`
}

// readFinally ends all faults and reads everything.
func (b *bench) readFinally(ctx context.Context, n *nemesis) *FinalReads {
	begun := b.history.now()
	n.heal(ctx)
	keys, process := lastKeys(b.history.finish().ops)
	out := &FinalReads{Keys: len(keys), Reads: len(keys) * len(b.nodes)}
	until := b.history.now() + finalPatience + time.Duration(len(keys))*b.opts.clientLimit()/finalClients
	var mu sync.Mutex
	var wg sync.WaitGroup
	for _, node := range b.nodes {
		work := make(chan int, len(keys))
		for _, key := range keys {
			work <- key
		}
		close(work)
		for range finalClients {
			c, as := b.cluster.router.addClient(), process
			process++
			wg.Go(func() {
				for key := range work {
					served := b.readUntil(ctx, c, op{Thread: as, Process: as, Node: node, Key: key}, until)
					mu.Lock()
					if served {
						out.Served++
					} else if len(out.Unread) < maxUnread {
						out.Unread = append(out.Unread, fmt.Sprintf("key %d at %s", key, node))
					}
					mu.Unlock()
				}
			})
		}
	}
	wg.Wait()
	out.Seconds = (b.history.now() - begun).Seconds()
	return out
}

// readUntil reads a key at a node until there is an answer, or the time is over.
func (b *bench) readUntil(ctx context.Context, c *client, like op, until time.Duration) bool {
	for {
		o := like
		o.F, o.Value, o.Final = fRead, "null", true
		b.ask(ctx, c, &o)
		if o.served() {
			return true
		}
		if b.history.now() >= until || !coarseSleep(ctx, finalPause) {
			return false
		}
	}
}

// lastKeys returns the keys that operations have used, and a process that none of them was.
func lastKeys(ops []*op) (keys []int, process int) {
	for _, o := range ops {
		keys, process = append(keys, o.Key), max(process, o.Process+1)
	}
	slices.Sort(keys)
	return slices.Compact(keys), process
}

// reproach says what is wrong with final reads, or "".
func (f *FinalReads) reproach() string {
	if f == nil || f.Served == f.Reads {
		return ""
	}
	return fmt.Sprintf("%d of %d final reads were not answered, although all faults had ended: %v", f.Reads-f.Served, f.Reads, f.Unread)
}

// report says how the final reads went, if there were any.
func (f *FinalReads) report(b *strings.Builder) {
	if f != nil {
		fmt.Fprintf(b, "Final reads: %d of %d answered (%d keys at every node) within %.1f s after the last fault; they are checked with the rest\n",
			f.Served, f.Reads, f.Keys, f.Seconds)
	}
}

// withoutFinal returns the record without the final reads: figures are of the time of the faults.
func (r record) withoutFinal() record {
	r.ops = slices.DeleteFunc(slices.Clone(r.ops), func(o *op) bool { return o.Final })
	return r
}
