package explore

import (
	"crypto/sha256"
	"fmt"
	"strings"

	"maelraft/raft"
)

// Bounds say how far to go.
type Bounds struct {
	Nodes       int
	EarlyCommit bool
	Thrifty     bool
	// Ticks, if not zero, is how often time may pass, and makes the nodes read by leases. A tick takes Tick by the fastest clock; n1's is as slow as the
	// drift bound allows, all others are as fast.
	Ticks int
	// MaxAppendBytes is the core's; every command counts as one byte.
	MaxAppendBytes int

	Terms   raft.Term // no node stands for election beyond
	Writes  int
	Reads   int
	Tries   int
	Crashes int
	// Transfers is how often a leader is asked to hand over. It may give each of them up at any moment.
	Transfers int
	// Changes are what leaders may be asked to do with the membership, one after the other. All nodes are members at first.
	Changes  []raft.Change
	InFlight int // messages under way
	Depth    int // steps behind the prefix
	States   int
	Prefix   []string // the first steps, each as the beginning of its text (see Result.Path)
}

// Result is what a search has seen.
type Result struct {
	States int
	Depth  int  // the longest of the shortest ways
	Whole  bool // States did not end the search
	// Err is the first violation found, or nil, and Path the shortest way to it.
	Err  error
	Path []string
}

// String tells the result as a story.
func (r Result) String() string {
	text := fmt.Sprintf("%d states, depth %d, whole %t", r.States, r.Depth, r.Whole)
	if r.Err == nil {
		return text
	}
	return fmt.Sprintf("%v\nafter\n  %s\n%s", r.Err, strings.Join(r.Path, "\n  "), text)
}

// visit is how a state was first reached.
type visit struct {
	from int32
	step step
}

// place is a state whose successors have not been looked at.
type place struct {
	at    int32
	world *world
}

// digest is a fingerprint of a whole world. Two worlds with the same digest are taken for the same.
type digest [16]byte

func (w *world) digest() digest {
	hash := sha256.New()
	for _, m := range w.members {
		hash.Write(m.print)
	}
	for _, p := range w.network {
		hash.Write([]byte(p.print))
	}
	fmt.Fprintf(hash, "%v %d %d %d %d %d %d %d", w.history, w.writes, w.readCount, w.tries, w.crashes, w.ticks, w.transfers, w.changes)
	return digest(hash.Sum(nil)[:16])
}

// search is a breadth-first search under way.
type search struct {
	Bounds
	seen     map[digest]struct{}
	visits   []visit
	frontier []place
	next     []place
}

// Run goes through all states within the bounds, nearest first, until one is wrong.
func Run(b Bounds) (Result, error) {
	s := &search{Bounds: b, seen: map[digest]struct{}{}}
	w, err := newWorld(b)
	if err != nil {
		return Result{}, err
	}
	s.visits = append(s.visits, visit{from: -1})
	s.frontier = []place{{0, w}}
	for _, text := range b.Prefix {
		wrong, err := s.follow(text)
		if wrong != nil || err != nil {
			return s.result(wrong, 0, true), err
		}
	}
	s.seen[s.frontier[0].world.digest()] = struct{}{}
	for depth := 1; ; depth++ {
		if len(s.frontier) == 0 || depth > b.Depth {
			return s.result(nil, depth-1, true), nil
		}
		for _, p := range s.frontier {
			if wrong := s.expand(p); wrong != nil {
				return s.result(wrong, depth, true), nil
			}
			if len(s.seen) > b.States {
				return s.result(nil, depth, false), nil
			}
		}
		s.frontier, s.next = s.next, nil
	}
}

// follow takes one step of the prefix.
func (s *search) follow(text string) (wrong, err error) {
	p := s.frontier[0]
	for _, next := range p.world.steps(s.Bounds) {
		if strings.HasPrefix(next.String(), text) {
			w, wrong := p.world.after(s.Bounds, next)
			s.visits = append(s.visits, visit{p.at, next})
			s.frontier[0] = place{int32(len(s.visits) - 1), w}
			return wrong, nil
		}
	}
	var can []string
	for _, next := range p.world.steps(s.Bounds) {
		can = append(can, next.String())
	}
	return nil, fmt.Errorf("explore: no step begins with %q; there are\n%s", text, strings.Join(can, "\n"))
}

// expand takes every step from a state, and returns what is wrong with the first bad state that it comes to.
func (s *search) expand(p place) error {
	for _, next := range p.world.steps(s.Bounds) {
		w, err := p.world.after(s.Bounds, next)
		if err != nil {
			s.visits = append(s.visits, visit{p.at, next})
			return err
		}
		if len(w.network) > s.InFlight {
			continue
		}
		d := w.digest()
		if _, old := s.seen[d]; old {
			continue
		}
		s.seen[d] = struct{}{}
		s.visits = append(s.visits, visit{p.at, next})
		s.next = append(s.next, place{int32(len(s.visits) - 1), w})
	}
	return nil
}

// result sums up; a violation is in the state visited last.
func (s *search) result(wrong error, depth int, whole bool) Result {
	r := Result{States: len(s.seen), Depth: depth, Whole: whole, Err: wrong}
	if wrong == nil {
		return r
	}
	for at := int32(len(s.visits) - 1); at > 0; at = s.visits[at].from {
		r.Path = append([]string{s.visits[at].step.String()}, r.Path...)
	}
	return r
}
