package maelstrom

import (
	"errors"
	"fmt"
	"slices"

	official "github.com/jepsen-io/maelstrom/demo/go"

	"maelraft/raft"
)

// kindConfiguration asks who belongs to the cluster. The types of requests for a change are those of package raft.
const kindConfiguration = "configuration"

// isChange says whether a request is one for another membership.
func isChange(kind string) bool {
	switch raft.ChangeKind(kind) {
	case raft.AddLearner, raft.AddVoter, raft.AddWitness, raft.Promote, raft.Remove, raft.Replace:
		return true
	}
	return false
}

// membersBody says who belongs to the cluster. Witnesses, other than in the log, are only those that vote now.
type membersBody struct {
	Index raft.Index `json:"index"`
	memberLists
}

func membersOf(g raft.Configuration) membersBody {
	b := membersBody{g.Index, memberLists{Voters: g.Voters, Outgoing: g.Outgoing, Learners: g.Learners}}
	for _, id := range g.Witnesses {
		if g.Votes(id) {
			b.Witnesses = append(b.Witnesses, id)
		}
	}
	return b
}

// membersOK answers every request of this file.
type membersOK struct {
	Type          string      `json:"type"`
	Configuration membersBody `json:"configuration"`
	InReplyTo     int64       `json:"in_reply_to"`
}

// configuration tells what is in force here, if this node has a part in it.
func (s *server) configuration(r call) {
	if !s.takes(r.asker) {
		return
	}
	switch status := s.member.core.Status(); {
	case status.Failed:
		s.finish(r, nil, errorReply{"error", official.TemporarilyUnavailable, "this node takes no part in the cluster any more", r.msgID})
	case !status.Configuration.Member(status.ID):
		s.finish(r, raft.ErrNotServing, nil)
	default:
		s.finish(r, nil, membersOK{kindConfiguration + "_ok", membersOf(status.Configuration), r.msgID})
	}
}

// change asks for another membership, and answers when it is in force.
func (s *server) change(r call, body object) {
	what, err := s.member.parseChange(r.kind, body)
	if err != nil {
		s.replyError(r.asker, official.MalformedRequest, err.Error())
		return
	}
	if !s.takes(r.asker) {
		return
	}
	s.member.driver.ChangeMembership(what, r.left(), func(o outcome) {
		if code, text := changeError(o.Err); code != 0 {
			s.finish(r, o.Err, errorReply{"error", code, text, r.msgID})
			return
		}
		s.finish(r, nil, membersOK{r.kind + "_ok", membersOf(s.member.core.Status().Configuration), r.msgID})
	})
}

// parseChange reads what is asked for. Only nodes of which we were told at init can be written to, so no others can become members.
func (m *member) parseChange(kind string, body object) (raft.Change, error) {
	f := &fields{object: body}
	what := raft.Change{Kind: raft.ChangeKind(kind)}
	if what.Kind == raft.Replace {
		what.Nodes = f.nodes("voters")
	} else {
		what.Nodes = []raft.NodeID{raft.NodeID(f.id("node"))}
	}
	if f.err != nil {
		return what, f.err
	}
	for _, id := range what.Nodes {
		if !slices.Contains(m.ids, string(id)) {
			return what, fmt.Errorf("there is no node %q", id)
		}
	}
	return what, what.Validate()
}

// changeError returns the code for a change that has not taken place, or that nobody knows of; 0 if there is nothing wrong.
func changeError(err error) (code int, text string) {
	switch {
	case err == nil:
		return 0, ""
	case errors.Is(err, raft.ErrUnavailable), errors.Is(err, raft.ErrOverloaded), errors.Is(err, raft.ErrNotServing):
		return official.TemporarilyUnavailable, "not changed: no leader is known to this node"
	case errors.Is(err, raft.ErrNotCaughtUp):
		return official.Abort, "not changed: a new voter has not caught up in time"
	case errors.Is(err, raft.ErrNoQuorum):
		return official.Abort, "not changed: a majority of the new voters does not answer"
	case errors.Is(err, raft.ErrNoMember):
		return official.KeyDoesNotExist, "not changed: the node is no member"
	case errors.Is(err, raft.ErrMember):
		return official.KeyAlreadyExists, "not changed: the node has a vote, or the state, already"
	case errors.Is(err, raft.ErrBehind):
		return official.PreconditionFailed, "not changed: the learner has not kept up for long enough"
	case errors.Is(err, raft.ErrWitness):
		return official.PreconditionFailed, "not changed: the node has been a witness, and can come back only as one"
	case errors.Is(err, raft.ErrTooFewVoters):
		return official.PreconditionFailed, "not changed: the voters that have the state would be no majority by themselves"
	case errors.Is(err, raft.ErrTooManyMembers):
		return official.PreconditionFailed, "not changed: too many members"
	case errors.Is(err, raft.ErrChanging), errors.Is(err, raft.ErrTransferring):
		return official.TxnConflict, "not changed: another change is under way"
	}
	return official.Crash, "it is not known whether the membership was changed, or will be"
}
