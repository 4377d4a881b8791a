package workbench

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"
)

// Requests of the admin protocol. Each is answered with its type and "_ok" and
// with the configuration that is then in force, or with one of Maelstrom's
// errors. No client of Maelstrom sends them.
const (
	adminConfiguration = "configuration" // who is a member?
	adminAddLearner    = "add_learner"   // node gets the log and has no vote
	adminAddWitness    = "add_witness"   // node votes and keeps no data
	adminPromote       = "promote"       // node, a learner, gets a vote
	adminRemove        = "remove"        // node is a member no more
	adminReplace       = "replace"       // voters are all that vote, witnesses included, in one change
	adminTransfer      = "transfer"      // node, or another, is to lead
)

// Errors with a meaning of their own.
const (
	adminNotNow   = 11 // nothing has happened
	adminCrash    = 13 // nobody knows
	adminIsMember = 21
	adminRefused  = 22 // a learner that is behind, or the last voter
	adminBusy     = 30 // another change is under way
)

// adminErrors spells the codes that mean something else to a membership than
// they do to a key.
var adminErrors = map[int]string{
	14: "given-up", 20: "not-a-member", adminIsMember: "is-a-member", adminRefused: "refused", adminBusy: "change-under-way",
}

// change is an admin request.
type change struct {
	Type   string   `json:"type"`
	Node   string   `json:"node,omitempty"`
	Voters []string `json:"voters,omitempty"`
}

// body is the request as a node gets it.
func (c change) body(msgID int64) []byte {
	// A struct of strings always marshals.
	body, _ := json.Marshal(struct {
		change
		MsgID int64 `json:"msg_id"`
	}{c, msgID})
	return body
}

// target is the configuration that a change leads to.
func (c change) target(now configuration) configuration {
	node := []string{c.Node}
	now.Outgoing = nil
	switch c.Type {
	case adminAddLearner:
		now.Learners = sortedSet(now.Learners, node)
	case adminAddWitness:
		now.Voters, now.Witnesses = sortedSet(now.Voters, node), sortedSet(now.Witnesses, node)
	case adminPromote:
		now.Voters, now.Learners = sortedSet(now.Voters, node), without(now.Learners, node)
	case adminRemove:
		now.Voters, now.Learners, now.Witnesses = without(now.Voters, node), without(now.Learners, node), without(now.Witnesses, node)
	case adminReplace:
		left := without(now.Voters, c.Voters)
		now.Voters, now.Learners, now.Witnesses = c.Voters, without(now.Learners, c.Voters), without(now.Witnesses, left)
	}
	return now
}

// adminCall is one request of the admin client, and what came of it.
type adminCall struct {
	change
	move     string // what it is a part of, "" for a question
	asked    string // the node
	from, to time.Duration
	code     int            // codeNone if it was done
	answer   *configuration // nil unless it was done
	target   configuration
}

// asksForChange is false for a mere question.
func (c *adminCall) asksForChange() bool { return c.Type != adminConfiguration }

// unknown says that nobody knows whether it has been or will be done.
func (c *adminCall) unknown() bool { return c.code < 0 || c.code == adminCrash }

// Ends of a change that was asked for.
const (
	changeDone    = "done"
	changeRefused = "refused" // it will not happen
	changeUnknown = "unknown"
)

func (c *adminCall) end() string {
	switch {
	case c.code == codeNone:
		return changeDone
	case c.unknown():
		return changeUnknown
	}
	return changeRefused
}

// outcome spells the answer.
func (c *adminCall) outcome() string {
	if c.code == codeNone {
		return string(outcomeOK)
	}
	if name, ok := adminErrors[c.code]; ok {
		return name
	}
	return codeName(c.code)
}

// interpret sets code and answer from a reply, and says what is wrong with a
// reply that the protocol does not allow.
func (c *adminCall) interpret(r reply, nodes []string) *fault {
	kind, _ := asString(r.fields["type"])
	if kind == "error" {
		code, ok := asInt(r.fields["code"])
		if c.code = int(code); !ok || code <= 0 || code > 1<<30 {
			c.code = codeUnknown
			return &fault{why: "it is an error without a code", asks: `an error has "code", an integer from Maelstrom's table`}
		}
		return nil
	}
	c.code = codeBadBody
	asks := fmt.Sprintf(`a %s is answered with "type":"%s_ok" and "configuration", which has "index" and "voters" that are nodes of this cluster`, c.Type, c.Type)
	if kind != c.Type+"_ok" {
		return &fault{why: fmt.Sprintf("it answers a %s with type %q", c.Type, kind), asks: asks}
	}
	var now configuration
	err := json.Unmarshal(r.fields["configuration"], &now)
	now.Outgoing, now.Learners, now.Witnesses = sortedSet(now.Outgoing), sortedSet(now.Learners), sortedSet(now.Witnesses)
	now.Voters = sortedSet(now.Voters, without(now.Witnesses, now.Outgoing)) // if they are listed apart
	if err != nil || len(now.data()) == 0 {
		return &fault{why: "it has no configuration with voters", asks: asks}
	}
	for _, id := range slices.Concat(now.Voters, now.Outgoing, now.Learners, now.Witnesses) {
		if !slices.Contains(nodes, id) {
			return &fault{why: fmt.Sprintf("its configuration names %q", id), asks: asks}
		}
	}
	c.code, c.answer = codeNone, &now
	return nil
}

// sightings are the configurations that answers tell of. An answer that is
// older than an earlier one was overtaken, or what the earlier one told has been
// undone: both may be in force.
func sightings(calls []*adminCall) []sighting {
	var all []sighting
	latest := int64(0)
	for _, c := range calls {
		switch {
		case c.answer != nil:
			all = append(all, sighting{c.to, *c.answer, c.answer.Index >= latest})
			latest = max(latest, c.answer.Index)
		case c.unknown() && c.asksForChange():
			all = append(all, sighting{c.from, c.target, false})
		}
	}
	return all
}

// OptionError is an option that the program under test is not made for. Main
// answers it with ExitBadArguments.
type OptionError struct {
	// Option is as it was given, and Why says what it asks for.
	Option, Why string
}

// Error says it in one line.
func (e *OptionError) Error() string { return e.Option + ": " + e.Why }

// probeMembership finds out, with a throwaway node, whether the program speaks
// the admin protocol. It takes "not now" for a yes.
func probeMembership(ctx context.Context, cfg clusterConfig) error {
	said := "nothing within " + adminProbeLimit.String()
	known := false
	started := probe(ctx, cfg, func(c *cluster) {
		end := cfg.clock.now() + adminProbeLimit
		client := c.router.addClient()
		for left := adminProbeLimit; left > 0 && ctx.Err() == nil; left = end - cfg.clock.now() {
			call := &adminCall{change: change{Type: adminConfiguration}}
			r, err := client.call(c.ctx, c.nodes[0], call.body, left)
			if err != nil {
				return
			}
			f := call.interpret(r, c.nodes)
			if known = f == nil && (call.code == codeNone || call.code == adminNotNow); call.code != adminNotNow {
				said = excerpt(r.line)
				return
			}
			if !coarseSleep(c.ctx, minStatusLimit) {
				return
			}
		}
	})
	if known || !started || ctx.Err() != nil {
		return nil // a program that does not even start has other worries
	}
	return &OptionError{
		Option: "--nemesis " + nemesisMembership,
		Why:    fmt.Sprintf("the node program does not answer %q, a request of the admin protocol, but says %s", adminConfiguration, said),
	}
}
