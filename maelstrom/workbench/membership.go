package workbench

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"
)

// Moves of the membership nemesis.
const (
	moveJoin     = "join"     // a node becomes a learner, and then a voter
	moveLeave    = "leave"    // a voter, learner or witness goes
	moveReplace  = "replace"  // others take the place of some voters, in one change
	moveShrink   = "shrink"   // some voters go, in one change
	moveGrow     = "grow"     // some come, in one change
	moveWitness  = "witness"  // a node becomes a witness
	moveTransfer = "transfer" // another leads
)

// membership is the nemesis that lets nodes come and go. Their processes run on
// all the time; what changes is who is a member. It is a client with one
// request at a time. Its k-th move depends on the seed and on the configuration
// that is then in force; how long moves take, and so when they come, depends on
// the nodes.
type membership struct {
	call     func(ctx context.Context, dest string, build func(msgID int64) []byte, limit time.Duration) (reply, error)
	nodes    []string
	seed     uint64
	interval time.Duration
	history  *history
	limit    time.Duration // time limit of the test
	patient  time.Duration // how long clients wait
	pause    time.Duration // before something is asked again
	judge    func(node string, line []byte, f *fault)
	known    configuration // by the latest answer
}

// run makes moves until the time limit or the end of ctx. The configuration
// that the last one leaves stays as it is.
func (m *membership) run(ctx context.Context) {
	gaps := stream(m.seed, purposeNemesis, nemesisMembership)
	for k := 0; ; k++ {
		gap := time.Duration(gaps.Float64() * 2 * float64(m.interval))
		if m.history.now()+gap >= m.limit || !coarseSleep(ctx, gap) {
			return
		}
		m.move(ctx, k)
	}
}

// move looks who is a member and makes the k-th move.
func (m *membership) move(ctx context.Context, k int) {
	draws := stream(m.seed, purposeNemesis, fmt.Sprint(nemesisMembership, k))
	whom := shuffled(draws, m.nodes)
	whom, ok := m.look(ctx, whom)
	if !ok {
		return
	}
	for kind, steps := drawMove(draws, m.nodes, m.known); len(steps) > 0; steps = steps[1:] {
		if !m.insist(ctx, kind, steps[0], whom) {
			return
		}
	}
}

// look asks one node after the other for the configuration until one says that
// no change is under way, and returns them in the order in which they are to be
// asked next.
func (m *membership) look(ctx context.Context, whom []string) ([]string, bool) {
	for m.goesOn(ctx) {
		c := &adminCall{change: change{Type: adminConfiguration}, asked: whom[0]}
		m.ask(ctx, c, m.patient)
		switch {
		case c.answer == nil:
			whom = append(slices.Clone(whom[1:]), whom[0])
		case len(c.answer.Outgoing) == 0:
			return whom, true
		}
		coarseSleep(ctx, m.pause)
	}
	return whom, false
}

// insist asks for a change, again and at other nodes if there is hope, and says
// whether it is done.
func (m *membership) insist(ctx context.Context, move string, what change, whom []string) bool {
	for try := 0; try < changeTries && m.goesOn(ctx); try++ {
		c := &adminCall{change: what, move: move, asked: whom[try%len(whom)], target: what.target(m.known)}
		m.ask(ctx, c, changeLimits*m.patient)
		switch {
		case c.unknown():
			m.look(ctx, whom)
			return false
		case c.answer != nil:
			if len(c.answer.Outgoing) > 0 {
				m.look(ctx, whom) // it is not over yet
			}
			return true
		case c.code == adminNotNow, c.code == adminBusy, c.code == adminRefused && c.Type == adminPromote:
			coarseSleep(ctx, m.pause)
		default:
			return c.code == adminIsMember && c.Type == adminPromote // it was promoted before it was asked for
		}
	}
	return false
}

// goesOn is false at the end of the test.
func (m *membership) goesOn(ctx context.Context) bool {
	return ctx.Err() == nil && m.history.now() < m.limit
}

// ask asks once, and records what came of it.
func (m *membership) ask(ctx context.Context, c *adminCall, limit time.Duration) {
	m.history.askMember(c)
	r, err := m.call(ctx, c.asked, c.body, limit)
	var f *fault
	switch {
	case err == nil:
		f = c.interpret(r, m.nodes)
	case errors.Is(err, errClientTimeout):
		c.code = codeTimeout
	default:
		c.code = codeStopped
	}
	if c.answer != nil {
		m.known = *c.answer
	}
	m.history.answerMember(c)
	if f != nil {
		m.judge(c.asked, r.line, f)
	}
}

// drawMove draws one of the moves that can be made, all equally likely but for
// the transfer, which changes no member. It leaves at least minVoters voters
// that have data, and a witness where it is, unless that is who leaves.
func drawMove(r *rand.Rand, nodes []string, now configuration) (string, []change) {
	voters, outside := shuffled(r, now.data()), shuffled(r, without(nodes, now.Voters))
	strangers := without(outside, now.Learners)
	leavers := slices.Concat(now.Learners, now.Witnesses)
	if len(voters) > minVoters {
		leavers = append(leavers, voters...)
	}
	kinds := []string{}
	can := func(kind string, possible bool) {
		if possible {
			kinds = append(kinds, kind)
		}
	}
	can(moveJoin, len(outside) > 0)
	can(moveLeave, len(leavers) > 0)
	can(moveReplace, len(outside) > 0)
	can(moveShrink, len(voters) > minVoters)
	can(moveGrow, len(outside) > 0)
	can(moveWitness, len(strangers) > 0 && len(now.Witnesses) < maxWitnesses && len(voters) > 1)
	if len(kinds) == 0 {
		return "", nil
	}
	kind := kinds[r.IntN(len(kinds))]
	if r.Float64() < transferShare && len(voters) > 1 {
		kind = moveTransfer
	}
	switch kind {
	case moveJoin:
		return kind, join(outside[0], now)
	case moveLeave:
		return kind, []change{{Type: adminRemove, Node: leavers[r.IntN(len(leavers))]}}
	case moveWitness:
		return kind, []change{{Type: adminAddWitness, Node: strangers[0]}}
	case moveTransfer:
		return kind, []change{{Type: adminTransfer, Node: []string{voters[0], ""}[r.IntN(2)]}} // to whom it likes, if nobody is named
	}
	return kind, []change{{Type: adminReplace, Voters: sortedSet(drawVoters(r, kind, voters, outside), now.Witnesses)}}
}

// join are the steps on the way to a vote.
func join(id string, now configuration) []change {
	promote := change{Type: adminPromote, Node: id}
	if slices.Contains(now.Learners, id) {
		return []change{promote}
	}
	return []change{{Type: adminAddLearner, Node: id}, promote}
}

// drawVoters draws the voters that a shrink, a grow or a replace asks for, of
// shuffled lists.
func drawVoters(r *rand.Rand, kind string, voters, outside []string) []string {
	switch kind {
	case moveShrink:
		return voters[:minVoters+r.IntN(len(voters)-minVoters)]
	case moveGrow:
		return slices.Concat(voters, outside[:1+r.IntN(len(outside))])
	default:
		k := 1 + r.IntN(min(len(voters), len(outside)))
		return slices.Concat(voters[k:], outside[:k])
	}
}

func shuffled(r *rand.Rand, ids []string) []string {
	out := slices.Clone(ids)
	r.Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
	return out
}

// Membership says what came of the membership nemesis. A change that is asked
// for again counts again.
type Membership struct {
	// Asked counts requests for a change: Done, Refused (it will not happen) or
	// Unknown (nobody knows).
	Asked   int `json:"asked"`
	Done    int `json:"done"`
	Refused int `json:"refused"`
	Unknown int `json:"unknown"`
	// Errors counts those that were not done by the answer. Moves counts the
	// moves that were done.
	Errors map[string]int `json:"errors,omitempty"`
	Moves  map[string]int `json:"moves,omitempty"`
	// Sizes lists the numbers of voters that were seen, witnesses included.
	Sizes []int `json:"sizes"`
	// Last lists the voters of the last configuration that was seen.
	Last []string `json:"last_voters"`
}

// newMembership counts; it starts with all nodes as voters.
func newMembership(nodes []string, calls []*adminCall) *Membership {
	f := &Membership{Errors: map[string]int{}, Moves: map[string]int{}, Sizes: []int{len(nodes)}, Last: nodes}
	for _, c := range calls {
		if c.answer != nil {
			f.Last = c.answer.Voters
			f.Sizes = append(f.Sizes, len(f.Last))
		}
		if !c.asksForChange() {
			continue
		}
		f.Asked++
		switch c.end() {
		case changeDone:
			f.Done++
			if c.Type != adminAddLearner { // which is not all of a join
				f.Moves[c.move]++
			}
			continue
		case changeRefused:
			f.Refused++
		case changeUnknown:
			f.Unknown++
		}
		f.Errors[c.outcome()]++
	}
	slices.Sort(f.Sizes)
	f.Sizes = slices.Compact(f.Sizes)
	return f
}
