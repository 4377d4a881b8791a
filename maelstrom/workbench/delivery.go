package workbench

import (
	"bytes"
	"context"
	"io"
	"strconv"
	"time"
)

// feedBatch is how many bytes of due messages one write to a node may carry.
const feedBatch = 64 << 10

// feed delivers a node's messages to its stdin until ctx ends. It is the only
// reader of the node's inbox. A node that does not read blocks only this
// goroutine; after a write error the messages are thrown away.
func (rt *router) feed(ctx context.Context, id string, ib *inbox, stdin io.Writer) {
	var batch bytes.Buffer
	var batched []*parcel
	broken := false
	for {
		p := ib.poll(ctx)
		if p == nil {
			return
		}
		if rt.drops(id, p) {
			continue
		}
		if !rt.sleepUntil(ctx, p.deadline) {
			ib.push(p) // abandon takes it down
			return
		}
		batch.Reset()
		batched = batched[:0]
		for p != nil {
			batch.Write(encode(p.id, p.message))
			batched = append(batched, p)
			if batch.Len() >= feedBatch {
				break
			}
			p = rt.nextDue(id, ib)
		}
		if !broken {
			_, err := stdin.Write(batch.Bytes())
			broken = err != nil
		}
		rt.settle(batched, broken)
	}
}

// nextDue takes messages that are due already: with them, taking, testing the
// partition and delivering fall into one instant.
func (rt *router) nextDue(id string, ib *inbox) *parcel {
	for {
		p := ib.pollDue(rt.clock.now())
		if p == nil || !rt.drops(id, p) {
			return p
		}
	}
}

// drops says whether the partition in force swallows p, and counts it.
func (rt *router) drops(id string, p *parcel) bool {
	rt.mu.Lock()
	defer rt.mu.Unlock()
	if !p.server || !rt.weather.grudge.cuts(p.message.src, id) {
		return false
	}
	rt.stats.Dropped++
	rt.journal.add(p.entry(rt.clock.now(), fateDropped))
	return true
}

// settle counts and takes down messages that a node was written, or not.
func (rt *router) settle(batch []*parcel, lost bool) {
	rt.mu.Lock()
	defer rt.mu.Unlock()
	now := rt.clock.now()
	for _, p := range batch {
		if lost {
			rt.journal.add(p.entry(now, fateLost))
			continue
		}
		rt.countReceived(p.server)
		rt.logRecv(p.message)
		rt.journal.add(p.entry(now, fateReceived))
	}
}

// abandon takes down what is still under way when everything has been stopped.
func (rt *router) abandon() {
	rt.mu.Lock()
	defer rt.mu.Unlock()
	for _, ib := range rt.nodes {
		rt.lose(ib)
	}
}

// lose throws away what is under way to a node, takes it down and returns how
// much it was. The caller holds mu.
func (rt *router) lose(ib *inbox) (lost int) {
	now := rt.clock.now()
	for p := ib.pollDue(forever); p != nil; p = ib.pollDue(forever) {
		rt.journal.add(p.entry(now, fateLost))
		lost++
	}
	return lost
}

// sleepUntil sleeps until the deadline. Maelstrom cuts the time left to whole
// milliseconds once more, which makes it up to 1 ms early; so do quirks.
func (rt *router) sleepUntil(ctx context.Context, deadline time.Duration) bool {
	left := deadline - rt.clock.now()
	if rt.quirks {
		left = left.Truncate(time.Millisecond)
	}
	if left <= 0 {
		return ctx.Err() == nil
	}
	end := rt.clock.now() + left
	ok := rt.sleep(ctx, left)
	rt.late.record(max(rt.clock.now()-end, 0))
	return ok
}

// encode writes the line that a node gets: the message with Maelstrom's id.
func encode(id int, m message) []byte {
	line := make([]byte, 0, len(m.body)+len(m.src)+len(m.dest)+48)
	line = append(line, `{"id":`...)
	line = strconv.AppendInt(line, int64(id), 10)
	line = append(line, `,"src":"`...) // ids are ours or checked: plain ASCII
	line = append(line, m.src...)
	line = append(line, `","dest":"`...)
	line = append(line, m.dest...)
	line = append(line, `","body":`...)
	line = append(line, m.body...)
	return append(line, '}', '\n')
}
