package maelstrom

import (
	"time"

	"maelraft/raft"
)

// patience returns how long a request may wait before it is answered, come what may. The client's limit depends on the network's
// latency, which nobody tells us: until a round trip has been measured we suppose the shortest limit.
//
// The client's time began before the request reached us. Maelstrom's clients have no latency of their own, but a node is delivered one
// message at a time, and a request may arrive behind a peer's message that is still on its way. So where latencies vary
// much, we allow for nearly the longest of them.
func patience(s raft.Status) time.Duration {
	if !s.Measured {
		return share(mostPatience, minClientLimit)
	}
	oneWay := s.RTT.Mean / 2
	limit := max(minClientLimit, share(latencyCaution*clientLimitLatencies, oneWay))
	wayIn := oneWay + 3*s.RTT.Deviation // nearly the longest; more would give up too much that can still be served
	return min(max(limit-wayIn, share(leastPatience, limit)), share(mostPatience, limit))
}

func share(part float64, of time.Duration) time.Duration { return time.Duration(part * float64(of)) }
