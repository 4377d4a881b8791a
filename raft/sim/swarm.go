package sim

import (
	"fmt"
	"math"
	"math/bits"
	"math/rand/v2"
	"strings"
	"time"
)

// Faults is a set of things that can go wrong.
type Faults uint

// All of them.
const (
	Loss       Faults = 1 << iota // messages are lost
	Duplicates                    // messages arrive twice
	Reorder                       // delays vary, so messages overtake each other
	Spikes                        // a few messages take seconds
	OneWay                        // some links are cut in one direction
	Bridge                        // two halves that only one node connects
	Ring                          // everybody hears a majority, and no two the same
	Minority                      // the leader is left with less than half
	Majority                      // less than half is cut off from the leader
	Leak                          // like Minority, but for one link that is left
	Pauses                        // nodes stop as by SIGSTOP, and go on
	Torn                          // nodes crash between the steps of their disks
	Kills                         // nodes crash at any moment
	KillAll                       // all nodes crash at once
	DiskFull                      // writes fail for a while
	SyncErrors                    // syncs fail
	Drift                         // clocks run at different rates
	Stops                         // clocks stand still
	Wreckage                      // what is not in the quorum of phase two stays broken
	Transfers                     // nodes are asked to have another one lead
	Members                       // nodes are asked for another membership
	end
)

var faultNames = strings.Fields(`loss duplicates reorder spikes oneway bridge ring minority majority leak pauses torn kills killall
	diskfull syncerrors drift stops wreckage transfers members`)

// AllFaults is every fault there is.
const AllFaults = end - 1

// String lists the names, with commas between them. ParseFaults reads it.
func (f Faults) String() string {
	var names []string
	for _, one := range f.each() {
		names = append(names, faultNames[bits.TrailingZeros(uint(one))])
	}
	return strings.Join(names, ",")
}

// ParseFaults reads what String writes.
func ParseFaults(text string) (f Faults, err error) {
	for _, name := range strings.FieldsFunc(text, func(r rune) bool { return r == ',' }) {
		one := Faults(1)
		for _, known := range faultNames {
			if known == name {
				break
			}
			one <<= 1
		}
		if one == end {
			return 0, fmt.Errorf("sim: no fault is called %q", name)
		}
		f |= one
	}
	return f, nil
}

func (f Faults) has(one Faults) bool { return f&one != 0 }

// each returns the members of the set.
func (f Faults) each() (ones []Faults) {
	for one := Faults(1); one < end; one <<= 1 {
		if f.has(one) {
			ones = append(ones, one)
		}
	}
	return ones
}

// Swarm is the mix of faults of one run. Every seed has its own: bugs hide from a mix of everything, in which nothing ever gets far.
type Swarm struct {
	Seed   uint64
	Span   time.Duration // of phase one
	Nodes  int           // that are members from the start
	Spare  int           // and others
	Faults Faults
	// Every is the mean pause between two faults of one kind.
	Every time.Duration
	// MaxDrift, if set, is a bound that all clocks keep to (Disciplined).
	MaxDrift float64
	// How much of it: the zero value where a fault is not among Faults.
	Network    Network
	Crashes    float64
	SyncErrors float64
}

// spike is a delay that is longer than any election time-out: what arrives after it is from another age.
const spike = 4 * time.Second

// The streams of random numbers of a run. Each purpose has its own, so that a fault that is switched off leaves the others as they were.
const (
	streamNetwork = iota << 20
	streamDisks
	streamDraw
	streamCalm
	streamWeather // and those behind it: one for each fault
	streamCaptures
	streamSpare
)

// Draw returns the mix that a seed stands for, with some faults in any case, and without others.
func Draw(seed uint64, span time.Duration, with, without Faults) Swarm {
	rng := rand.New(rand.NewPCG(seed, streamDraw))
	faults := Faults(rng.Uint64()) & AllFaults
	if few := Faults(rng.Uint64()); rng.IntN(2) == 0 {
		faults &= few
	}
	s := Swarm{
		Seed: seed, Span: span,
		Nodes:  []int{1, 2, 3, 3, 3, 4, 5, 5, 5, 7}[rng.IntN(10)],
		Faults: (faults | with) &^ without,
		Every:  time.Duration(300+rng.IntN(4000)) * time.Millisecond,
		Network: Network{
			Latency: time.Duration(rng.IntN(60)) * time.Millisecond, Distribution: Uniform + Distribution(rng.IntN(2)),
			Loss: rng.Float64() * 0.2, Duplicate: rng.Float64() * 0.2, Spikes: rng.Float64() * 0.01,
			Spike: spike,
		},
		Crashes: rng.Float64() * 0.004, SyncErrors: rng.Float64() * 0.004,
	}
	s.Spare = rand.New(rand.NewPCG(seed, streamSpare)).IntN(4)
	return s.Only(s.Faults)
}

// Only returns the mix with no other faults than those.
func (s Swarm) Only(faults Faults) Swarm {
	s.Faults &= faults
	if !s.Faults.has(Reorder) {
		s.Network.Distribution = Constant
	}
	if !s.Faults.has(Members) {
		s.Spare = 0
	}
	for _, of := range []struct {
		fault Faults
		much  *float64
	}{
		{Loss, &s.Network.Loss},
		{Duplicates, &s.Network.Duplicate},
		{Spikes, &s.Network.Spikes},
		{Torn, &s.Crashes},
		{SyncErrors, &s.SyncErrors},
	} {
		if !s.Faults.has(of.fault) {
			*of.much = 0
		}
	}
	return s
}

// Disciplined returns the mix with clocks of which none is ever faster than any other by more than a share: what a lease rests on. Half of the
// rates are drawn at the bound.
func (s Swarm) Disciplined(maxDrift float64) Swarm {
	s = s.Only(AllFaults &^ Stops)
	s.MaxDrift = maxDrift
	return s
}

// rate draws how fast a clock runs.
func (s Swarm) rate(rng *rand.Rand) float64 {
	x := 2*rng.Float64() - 1
	if s.MaxDrift == 0 {
		return math.Exp2(clockSpread * x)
	}
	return math.Pow(1+s.MaxDrift, max(-1, min(2*x, 1))/2)
}

// slowest is the rate of the slowest clock that there may be.
func (s Swarm) slowest() float64 {
	if s.MaxDrift == 0 {
		return 0
	}
	return math.Pow(1+s.MaxDrift, -0.5)
}

// Shrink looks for a smaller run that fails alike: shorter, and with less that goes wrong. fails says whether a run breaks the same rule,
// and when.
func Shrink(s Swarm, fails func(Swarm) (at time.Duration, same bool)) Swarm {
	try := func(smaller Swarm) bool {
		at, same := fails(smaller)
		if same {
			s = smaller
			if at > 0 && at < s.Span {
				s.Span = at + 1 // it fails before phase two
			}
		}
		return same
	}
	try(s)
	for _, one := range s.Faults.each() {
		try(s.Only(s.Faults &^ one))
	}
	for smaller := s; smaller.Span > time.Millisecond; {
		smaller = s
		smaller.Span /= 2
		if !try(smaller) {
			break
		}
	}
	return s
}
