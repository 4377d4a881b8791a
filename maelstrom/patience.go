package maelstrom

import (
	"time"

	"maelraft/raft"
)

// patience returns how long a request may wait before it is answered, come what may, if it has waited before it reached us. The client's
// limit depends on the network's latency, which nobody tells us: until a round trip has been measured we suppose the shortest limit.
func patience(s raft.Status, waited time.Duration) time.Duration {
	limit := minClientLimit
	if s.Measured {
		limit = max(limit, share(latencyCaution*clientLimitLatencies, s.RTT.Mean/2))
	}
	return max(min(share(mostPatience, limit), share(latestAnswer, limit)-waited), share(leastPatience, limit))
}

func share(part float64, of time.Duration) time.Duration { return time.Duration(part * float64(of)) }

// wayIn tells how long a request can have been under way to this node. Maelstrom's clients have no latency of their own, but a node
// is delivered one message at a time: whoever delivers takes the one that is due first, waits until it is due, and lets everything wait that
// comes meanwhile, requests included. So nothing waits behind a message for longer than it has been silent before that message; and what
// comes by itself, and not right behind another node's message, has not waited at all.
type wayIn struct {
	last    time.Duration // when the last line came
	silence time.Duration // the longest before a message of the present burst
	ended   time.Duration // when that message came
}

// note takes in when a line came, and whether it may have held up others: delays are those of messages between nodes.
func (w *wayIn) note(now time.Duration, delayed bool) {
	silence := now - w.last
	w.last = now
	if delayed && (silence >= w.silence || now-w.ended > burst) {
		w.silence, w.ended = silence, now
	}
}

// waited returns the longest that a request which comes now can have waited.
func (w *wayIn) waited(now time.Duration) time.Duration {
	if now-w.ended > burst {
		return 0
	}
	return w.silence + now - w.ended
}
