package workbench

import (
	"maps"
	"slices"
)

// toyMembers is what a toy takes for the members of its cluster. They mean
// nothing to it: its first node keeps the values whoever votes.
type toyMembers struct {
	Now    configuration
	Asked  int               // changes
	Behind string            // a learner that is not to be promoted yet
	Copy   map[string]string // the values at the last change, for a defect
}

// administer answers the admin protocol. It refuses in turn all that can be
// refused, and says now and then that it does not know what has happened.
func (t *toy) administer(b toyBody) toyBody {
	m := &t.members
	if m.Now.Voters == nil {
		m.Now = configuration{Index: 1, Voters: t.nodes}
	}
	switch {
	case t.defect == "no-admin":
		return failure(10)
	case b.Type == adminConfiguration:
		now := m.Now
		m.Now.Outgoing = nil // and with that it has left the joint configuration
		if t.defect == "odd-member" && m.Now.Index > 1 {
			now.Learners = append(slices.Clone(now.Learners), "n99")
		}
		return toyBody{Type: "configuration_ok", Now: &now}
	}
	next, code := m.next(b)
	if code > 0 {
		return failure(code)
	}
	m.Asked++
	switch m.Asked % 12 {
	case 3:
		return failure(11)
	case 5:
		return failure(30)
	case 7:
		return failure(13) // not done
	case 9:
		return failure(14)
	}
	next.Index = m.Now.Index + 1
	inTheDark := m.Asked%12 == 11 // done, or about to be, and nobody is told
	if !inTheDark {
		next.Outgoing = nil
	}
	m.Now = next
	if t.defect == "old-values" { // those who come bring what they knew, and it counts
		t.values, m.Copy = maps.Clone(m.Copy), t.values
		if t.values == nil {
			t.values = map[string]string{}
		}
	}
	if inTheDark {
		return failure(13)
	}
	return toyBody{Type: b.Type + "_ok", Now: &next}
}

// next returns the configuration that a request leads to, or why there is none.
func (m *toyMembers) next(b toyBody) (configuration, int) {
	now := m.Now
	without := func(ids []string) []string {
		return slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return id == b.Node || slices.Contains(b.Voters, id) })
	}
	votes, learns := slices.Contains(now.Voters, b.Node), slices.Contains(now.Learners, b.Node)
	switch b.Type {
	case adminAddLearner, adminAddWitness, adminPromote:
		if votes || learns && b.Type != adminPromote {
			return now, 21
		}
	case adminRemove:
		if !votes && !learns {
			return now, 20
		}
	}
	switch b.Type {
	case adminAddLearner:
		now.Learners, m.Behind = append(slices.Clone(now.Learners), b.Node), b.Node
	case adminAddWitness:
		now.Voters, now.Witnesses = append(slices.Clone(now.Voters), b.Node), append(slices.Clone(now.Witnesses), b.Node)
	case adminPromote:
		if !learns {
			return now, 20
		}
		if m.Behind == b.Node {
			m.Behind = ""
			return now, 22
		}
		now.Voters, now.Learners = append(slices.Clone(now.Voters), b.Node), without(now.Learners)
	case adminRemove:
		now.Voters, now.Learners, now.Witnesses = without(now.Voters), without(now.Learners), without(now.Witnesses)
	case adminReplace:
		now.Voters, now.Outgoing, now.Learners = b.Voters, now.Voters, without(now.Learners)
		now.Witnesses = slices.DeleteFunc(slices.Clone(now.Witnesses), func(id string) bool { return !slices.Contains(b.Voters, id) })
	case adminTransfer:
	default:
		return now, 10
	}
	if len(now.Voters) == len(now.Witnesses) {
		return now, 22
	}
	return now, 0
}
