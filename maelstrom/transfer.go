package maelstrom

import (
	"errors"

	official "github.com/jepsen-io/maelstrom/demo/go"

	"maelraft/raft"
)

// transferOK says who leads.
type transferOK struct {
	Type      string      `json:"type"`
	Leader    raft.NodeID `json:"leader"`
	InReplyTo int64       `json:"in_reply_to"`
}

// transfer has another node lead, the one that is named or any other, and answers when it does.
func (s *server) transfer(who asker, body object) {
	to, ok := body.text("node")
	if !ok && body.find("node") != nil || ok && to == "" {
		s.replyError(who, official.MalformedRequest, "node is not the id of a node")
		return
	}
	if !s.begin() {
		s.replyError(who, official.TemporarilyUnavailable, leavingText)
		return
	}
	m := s.member
	m.driver.TransferLeadership(raft.NodeID(to), s.patience(m.core.Status()), func(o outcome) {
		defer s.answered()
		if code, text := transferError(o.Err); code != 0 {
			s.replyError(who, code, text)
			return
		}
		s.reply(who, transferOK{"transfer_ok", m.core.Status().Leader, who.msgID})
	})
}

// transferError returns the code for a transfer that has not taken place, or that nobody knows of; 0 if there is nothing wrong.
func transferError(err error) (code int, text string) {
	switch {
	case err == nil:
		return 0, ""
	case errors.Is(err, raft.ErrUnavailable), errors.Is(err, raft.ErrOverloaded):
		return official.TemporarilyUnavailable, "not transferred: no leader is known to this node"
	case errors.Is(err, raft.ErrNoVoter):
		return official.MalformedRequest, "not transferred: there is no such node"
	case errors.Is(err, raft.ErrUnreachable):
		return official.Abort, "not transferred: the node does not answer"
	case errors.Is(err, raft.ErrTransferring):
		return official.Abort, "not transferred: a transfer to another node is under way"
	case errors.Is(err, raft.ErrNotTransferred):
		return official.Abort, "not transferred: the node was not elected in time"
	}
	return official.Crash, "it is not known whether leadership was transferred, or will be"
}
