package maelstrom

import (
	"errors"

	official "github.com/jepsen-io/maelstrom/demo/go"

	"maelraft/raft"
)

// transferOK says who leads, and, as all answers to operators do, who belongs to the cluster.
type transferOK struct {
	Type          string      `json:"type"`
	Leader        raft.NodeID `json:"leader"`
	Configuration membersBody `json:"configuration"`
	InReplyTo     int64       `json:"in_reply_to"`
}

// transfer has another node lead, the one that is named or any other, and answers when it does.
func (s *server) transfer(r call, body object) {
	to, ok := body.text("node")
	if !ok && body.find("node") != nil || ok && to == "" {
		s.replyError(r.asker, official.MalformedRequest, "node is not the id of a node")
		return
	}
	if !s.takes(r.asker) {
		return
	}
	s.member.driver.TransferLeadership(raft.NodeID(to), r.left(), func(o outcome) {
		if code, text := transferError(o.Err); code != 0 {
			s.finish(r, o.Err, errorReply{"error", code, text, r.msgID})
			return
		}
		status := s.member.core.Status()
		s.finish(r, nil, transferOK{"transfer_ok", status.Leader, membersOf(status.Configuration), r.msgID})
	})
}

// transferError returns the code for a transfer that has not taken place, or that nobody knows of; 0 if there is nothing wrong.
func transferError(err error) (code int, text string) {
	switch {
	case err == nil:
		return 0, ""
	case errors.Is(err, raft.ErrUnavailable), errors.Is(err, raft.ErrOverloaded), errors.Is(err, raft.ErrNotServing):
		return official.TemporarilyUnavailable, "not transferred: no leader is known to this node"
	case errors.Is(err, raft.ErrNoVoter):
		return official.MalformedRequest, "not transferred: there is no such node, or it does not vote"
	case errors.Is(err, raft.ErrUnreachable):
		return official.Abort, "not transferred: the node does not answer"
	case errors.Is(err, raft.ErrTransferring):
		return official.Abort, "not transferred: a transfer to another node is under way"
	case errors.Is(err, raft.ErrNotTransferred):
		return official.Abort, "not transferred: the node was not elected in time"
	}
	return official.Crash, "it is not known whether leadership was transferred, or will be"
}
