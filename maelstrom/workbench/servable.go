package workbench

import (
	"fmt"
	"slices"
	"time"
)

// span is a stretch of time [from, to).
type span struct{ from, to time.Duration }

// forever ends spans that last until the end of the test and beyond.
const forever = time.Duration(1<<63 - 1)

// servability knows when each node could have served requests.
//
// A request is servable if within its client's limit its node was, for two
// election time-outs + 8 L on end (or for the whole limit, if that is shorter),
// linked both ways to a node (possibly itself) that is linked both ways to a
// majority of those who choose then (electorate.go). Which node that is may
// change meanwhile. A node that is killed takes what it was asked with it, and
// what comes while it is down is lost.
type servability struct {
	spans  map[string][]span
	down   map[string][]span // when it does not run
	paused map[string][]span // when it is stopped
	limit  time.Duration     // the client's limit
	need   time.Duration     // how long the link must last
}

func newServability(opts Options, nodes []string, phases []phase, e eras) *servability {
	need := 2*time.Duration(opts.ElectionTimeout)*time.Millisecond + servableLatencies*opts.meanLatency()
	s := &servability{
		spans: spansOf(nodes, stretchesOf(phases, e)), down: map[string][]span{}, paused: map[string][]span{},
		limit: opts.clientLimit(), need: min(need, opts.clientLimit()),
	}
	for i, p := range phases {
		to := forever
		if i+1 < len(phases) {
			to = phases[i+1].At
		}
		for _, id := range p.Down {
			s.down[id] = extend(s.down[id], span{p.At, to})
		}
		for _, id := range p.Paused {
			s.paused[id] = extend(s.paused[id], span{p.At, to})
		}
	}
	return s
}

// extend adds a span, to the last one if it follows that without a gap.
func extend(spans []span, next span) []span {
	if last := len(spans) - 1; last >= 0 && spans[last].to == next.from {
		spans[last].to = next.to
		return spans
	}
	return append(spans, next)
}

// servable says whether a request that a node got at a time could be served.
func (s *servability) servable(node string, invoked time.Duration) bool {
	end := invoked + s.limit
	for _, down := range s.down[node] {
		if down.to > invoked {
			end = min(end, max(down.from, invoked))
		}
	}
	return slices.ContainsFunc(s.spans[node], func(sp span) bool {
		return min(sp.to, end)-max(sp.from, invoked) >= s.need
	})
}

// halted says whether a node could not answer a request by itself: it was stopped when the client
// gave up, or it was killed before, with what it had been asked.
func (s *servability) halted(node string, invoked time.Duration) bool {
	end := invoked + s.limit
	return slices.ContainsFunc(s.paused[node], func(sp span) bool { return sp.from <= end && end < sp.to }) ||
		slices.ContainsFunc(s.down[node], func(sp span) bool { return sp.from <= end && invoked < sp.to })
}

// muteLimits is how many client limits on end a node may leave every servable
// request without any answer.
const muteLimits = 5

// findMute looks for a node that stopped answering although it could have:
// Maelstrom sees time-outs there and calls the test good.
func findMute(ops []*op, s *servability) *Violation {
	since := map[string]time.Duration{} // node: first request of the silence
	silent := map[string]bool{}
	sorted := slices.Clone(ops)
	slices.SortFunc(sorted, func(a, b *op) int { return a.ReturnIndex - b.ReturnIndex })
	for _, o := range sorted {
		if o.Code != codeTimeout || !s.servable(o.Node, o.Invoke) {
			silent[o.Node] = false
			continue
		}
		if !silent[o.Node] {
			silent[o.Node], since[o.Node] = true, o.Invoke
		}
		if mute := o.Return - since[o.Node]; mute >= muteLimits*s.limit {
			return &Violation{
				Node: o.Node, At: since[o.Node], Why: fmt.Sprintf("it answered nothing for %.1f s (from %.1f s on) while it could reach a majority", mute.Seconds(), since[o.Node].Seconds()),
				Asks: "a node answers every request, with an error if need be",
			}
		}
	}
	return nil
}
