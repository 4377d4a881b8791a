package maelstrom

import (
	"sync"
	"time"

	"maelraft/raft"
)

// patience returns how long a request may wait before it is answered, come what may, if it has waited before it reached us, and its client gives up
// after a limit.
func patience(limit, waited time.Duration) time.Duration {
	return max(min(share(mostPatience, limit), share(latestAnswer, limit)-waited), share(leastPatience, limit))
}

// clientLimit is an estimate of when clients give up. That depends on the network's latency, which nobody tells us, so we measure round
// trips; until then we suppose the shortest limit. Where they vary much, their present estimate is too large as often as not, so we trust in
// its average over a longer time. That begins at nothing: too small a limit answers early, too large a one not at all. An estimate that is not renewed
// says nothing more however long it stands: it may be the last word of a leader that had been stopped, to a node that has been removed since.
type clientLimit struct {
	average time.Duration // of round trips
	over    time.Duration // so long, averageLag at nothing not counted
	last    time.Duration // when they were looked at; zero: never
	renewed time.Duration // when what was looked at last had been measured, by the core's clock
}

// estimate takes in what is known of round trips, and returns the limit.
func (l *clientLimit) estimate(now time.Duration, s raft.Status) time.Duration {
	if !s.Measured {
		return minClientLimit
	}
	if l.last > 0 && s.RTTAt > l.renewed {
		since := min(now-l.last, averageLag) // a single look stands for no more
		l.over = min(l.over+since, averageOver)
		l.average += share(float64(since)/float64(l.over+averageLag), s.RTT.Mean-l.average)
	}
	l.last, l.renewed = now, s.RTTAt
	// Where they hardly vary, the present estimate alone is enough.
	rtt := max(min(l.average, s.RTT.Mean+2*s.RTT.Deviation), s.RTT.Mean-2*s.RTT.Deviation)
	return max(minClientLimit, share(latencyCaution*clientLimitLatencies, rtt/2))
}

func share(part float64, of time.Duration) time.Duration { return time.Duration(part * float64(of)) }

// wayIn tells how long a request can have been under way to this node. Maelstrom's clients have no latency of their own, but a node
// is delivered one message at a time: whoever delivers takes the one that is due first, waits until it is due, and lets everything wait that
// comes meanwhile, requests included. So nothing waits behind a message for longer than it has been silent before that message; and what
// comes by itself, and not right behind another node's message, has not waited at all.
//
// A process that was stopped, or got no time to run, finds what has come meanwhile when it goes on. Safe for concurrent use.
type wayIn struct {
	mu      sync.Mutex
	now     time.Time     // when the last line came
	silence time.Duration // before it
	ran     time.Time     // when this process was last seen to run

	hold  time.Duration // the longest that what comes right now can have been held up
	ended time.Time     // when that was over
	idle  time.Duration // how long nothing was there to be read since
}

// line takes in when a line came, and since when it was waited for.
func (w *wayIn) line(since, now time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if since.Before(w.ended) {
		since = w.ended
	}
	w.idle += now.Sub(since)
	if !w.now.IsZero() {
		w.silence = now.Sub(w.now)
	}
	w.now = now
	w.feel(now)
}

// delayed takes in that the last line can have held up those behind it: delays are those of messages between nodes.
func (w *wayIn) delayed() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.heldUp(w.now, w.silence)
}

// runs takes in that this process runs. It is called every pulse, and knows by that of times when it was not.
func (w *wayIn) runs(now time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.feel(now)
}

func (w *wayIn) feel(now time.Time) {
	if since := now.Sub(w.ran); since > standstill && !w.ran.IsZero() {
		w.heldUp(now, since)
	}
	w.ran = now
}

func (w *wayIn) heldUp(now time.Time, hold time.Duration) {
	if hold >= w.hold || w.idle > burst {
		w.hold, w.ended, w.idle = hold, now, 0
	}
}

// waited returns the longest that a request can have waited that is the last line.
func (w *wayIn) waited() time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.hold == 0 || w.idle > burst {
		return 0
	}
	return w.hold + w.now.Sub(w.ended)
}

// feelThePulse sees to it that times are noticed when this process does not run.
func (s *server) feelThePulse() {
	pulse := time.NewTicker(pulseEvery)
	defer pulse.Stop()
	for {
		select {
		case <-s.ctx.Done():
			return
		case <-pulse.C: // the time of which may be long past
			s.wayIn.runs(time.Now())
		}
	}
}
