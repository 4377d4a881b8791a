package workbench

import (
	"slices"
	"time"
)

// configuration is what a node says of the members of its cluster. Its lists
// are sorted.
type configuration struct {
	// Index grows with every change.
	Index  int64    `json:"index"`
	Voters []string `json:"voters"`
	// Outgoing are the voters that are being replaced, while a joint change is under way.
	Outgoing []string `json:"outgoing,omitempty"`
	Learners []string `json:"learners,omitempty"`
	// Witnesses are those among the voters, old or new, that keep no data and
	// cannot lead.
	Witnesses []string `json:"witnesses,omitempty"`
}

// electorate says who chooses at a time: nothing is decided without a majority
// of each of its groups. There is one group, or more while a change is under
// way, and while nobody knows whether one has happened.
type electorate struct {
	groups  [][]string
	leaders []string // those that may lead
}

// everybody is the electorate at the start of every test.
func everybody(nodes []string) electorate { return configuration{Voters: nodes}.electorate() }

// equal says whether both have the same members. Lists are sorted.
func (c configuration) equal(other configuration) bool {
	return slices.Equal(c.Voters, other.Voters) && slices.Equal(c.Outgoing, other.Outgoing) &&
		slices.Equal(c.Learners, other.Learners) && slices.Equal(c.Witnesses, other.Witnesses)
}

// data lists the voters that have data.
func (c configuration) data() []string { return without(c.Voters, c.Witnesses) }

// electorate is who chooses while a configuration is in force.
func (c configuration) electorate() electorate {
	e := electorate{
		groups:  [][]string{sortedSet(c.Voters)},
		leaders: without(sortedSet(c.Voters, c.Outgoing), c.Witnesses),
	}
	if len(c.Outgoing) > 0 {
		e = e.and(electorate{groups: [][]string{sortedSet(c.Outgoing)}})
	}
	return e
}

// and asks both electorates.
func (e electorate) and(other electorate) electorate {
	sum := electorate{groups: slices.Clone(e.groups), leaders: sortedSet(e.leaders, other.leaders)}
	for _, group := range other.groups {
		if !slices.ContainsFunc(sum.groups, func(g []string) bool { return slices.Equal(g, group) }) {
			sum.groups = append(sum.groups, group)
		}
	}
	return sum
}

func sortedSet(lists ...[]string) []string {
	all := slices.Sorted(slices.Values(slices.Concat(lists...)))
	return slices.Compact(all)
}

// without returns what is in one list and not in the other.
func without(ids, others []string) []string {
	return slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return slices.Contains(others, id) })
}

// hasMajority says whether id is linked both ways to a majority (counting
// itself, if it votes) of each group.
func (g grudge) hasMajority(id string, e electorate) bool {
	return !slices.ContainsFunc(e.groups, func(group []string) bool {
		links := 0
		for _, other := range group {
			if g.linked(id, other) {
				links++
			}
		}
		return links < majority(len(group))
	})
}

// reach says, for each node, whether it is linked both ways to a node (possibly
// itself) that may lead and is linked both ways to a majority. It need not be a
// member: then it passes on what it is asked.
func (g grudge) reach(nodes []string, e electorate) map[string]bool {
	hubs := []string{}
	for _, id := range e.leaders {
		if g.hasMajority(id, e) {
			hubs = append(hubs, id)
		}
	}
	out := map[string]bool{}
	for _, id := range nodes {
		out[id] = slices.ContainsFunc(hubs, func(hub string) bool { return g.linked(id, hub) })
	}
	return out
}

// sighting is a configuration that was in force at a time; or, if it is not
// sure, one that may have come into force at any time since.
type sighting struct {
	at            time.Duration
	configuration configuration
	sure          bool
}

// eras says who was a member, over time; each era lasts until the next one.
type eras []era

// era is a time in which one configuration is in force. Where nobody knows
// which one, all that are possible count.
type era struct {
	from     time.Duration
	possible []configuration
}

// newEras concludes from sightings, in order of time, who was a member when.
// All nodes vote at first. From the last sight of one configuration to the
// first sight of the next, both are possible, and with them whatever may have
// been in force between.
func newEras(nodes []string, seen []sighting) eras {
	known, since := []configuration{{Voters: sortedSet(nodes)}}, time.Duration(0)
	all := eras{{0, known}}
	doubt := known
	for _, s := range seen {
		if !slices.ContainsFunc(doubt, s.configuration.equal) {
			doubt = append(slices.Clone(doubt), s.configuration)
		}
		if !s.sure {
			continue
		}
		known = []configuration{s.configuration}
		all = all.then(since, doubt).then(s.at, known)
		since, doubt = s.at, known
	}
	return all.then(since, doubt)
}

// then adds an era, if it is one of its own.
func (e eras) then(from time.Duration, possible []configuration) eras {
	switch last := &e[len(e)-1]; {
	case slices.EqualFunc(last.possible, possible, configuration.equal):
		return e
	case last.from == from: // which lasted no time
		last.possible = possible
		return e
	default:
		return append(e, era{from, possible})
	}
}

// electorate is who chooses in an era.
func (e era) electorate() electorate {
	all := e.possible[0].electorate()
	for _, c := range e.possible[1:] {
		all = all.and(c.electorate())
	}
	return all
}

// at returns who chooses at a time.
func (e eras) at(t time.Duration) electorate {
	i := len(e) - 1
	for i > 0 && e[i].from > t {
		i--
	}
	return e[i].electorate()
}

// stretch is a time in which both the network and who chooses stay the same.
type stretch struct {
	span
	grudge     grudge
	electorate electorate
}

// stretchesOf cuts a test into stretches; the last one lasts forever.
func stretchesOf(phases []phase, e eras) []stretch {
	var all []stretch
	i, j := 0, 0
	for at := time.Duration(0); ; {
		to := forever
		if i+1 < len(phases) {
			to = phases[i+1].At
		}
		if j+1 < len(e) {
			to = min(to, e[j+1].from)
		}
		if to > at {
			all = append(all, stretch{span{at, to}, phases[i].Grudge, e[j].electorate()})
		}
		if to == forever {
			return all
		}
		at = to
		if i+1 < len(phases) && phases[i+1].At == to {
			i++
		} else {
			j++
		}
	}
}

// spansOf returns, for each node, when it was linked to somebody who could
// serve it.
func spansOf(nodes []string, all []stretch) map[string][]span {
	spans := map[string][]span{}
	for _, s := range all {
		reach := s.grudge.reach(nodes, s.electorate)
		for _, id := range nodes {
			if reach[id] {
				spans[id] = extend(spans[id], s.span)
			}
		}
	}
	return spans
}
