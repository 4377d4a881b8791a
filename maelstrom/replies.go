package maelstrom

import (
	"errors"

	official "github.com/jepsen-io/maelstrom/demo/go"

	"maelraft/kv"
	"maelraft/raft"
	"maelraft/raft/session"
)

// Maelstrom's schemas of replies are closed: a field too many or too few, and an operation that succeeded counts as failed. So every reply is a
// struct with exactly the fields of its schema, none of which is ever left out.

type readOK struct {
	Type      string   `json:"type"`
	Value     kv.Value `json:"value"` // as the client wrote it
	InReplyTo int64    `json:"in_reply_to"`
}

// plainOK is write_ok and cas_ok.
type plainOK struct {
	Type      string `json:"type"`
	InReplyTo int64  `json:"in_reply_to"`
}

type errorReply struct {
	Type      string `json:"type"`
	Code      int    `json:"code"` // never 0, which the library would not show
	Text      string `json:"text"`
	InReplyTo int64  `json:"in_reply_to"`
}

func (s *server) reply(to asker, body any) {
	if to.via != nil {
		s.replyProxy(to.via, body)
		return
	}
	if err := s.node.Send(to.name, body); err != nil {
		s.log.Error("a reply could not be sent", "dest", to.name, "error", err)
	}
}

func (s *server) replyError(to asker, code int, text string) {
	if to.via == nil {
		s.out.allow(to.name)
	}
	s.reply(to, errorReply{"error", code, text, to.msgID})
}

// answer returns the reply to an operation that has come to its end. This is the table of errors. A client
// holds codes 11, 12, 20 and 22 for proof that nothing was changed; 13 proves nothing.
func answer(who asker, op kv.Command, o outcome) any {
	code, text := 0, ""
	switch {
	case errors.Is(o.Err, raft.ErrUnavailable):
		code, text = official.TemporarilyUnavailable, "not executed: no leader took the request in time"
	case errors.Is(o.Err, raft.ErrOverloaded):
		code, text = official.TemporarilyUnavailable, "not executed: too many requests are waiting at this node"
	case errors.Is(o.Err, raft.ErrNotServing):
		code, text = official.TemporarilyUnavailable, "not executed: this node does not serve"
	case o.Err != nil:
		code, text = official.Crash, "it is not known whether this was executed, or will be"
	case o.Result.Status == session.Forgotten:
		code, text = official.Crash, "an earlier copy of this request may have been executed, but its answer is forgotten"
	case o.Result.Status == session.Reused:
		code, text = official.MalformedRequest, "not executed: this msg_id has already been used for another operation"
	default:
		return answerResult(who, op, o.Result.Result)
	}
	return errorReply{"error", code, text, who.msgID}
}

func answerResult(who asker, op kv.Command, r kv.Result) any {
	switch r.Status {
	case kv.OK:
		if op.Op == kv.Read {
			return readOK{"read_ok", r.Value, who.msgID}
		}
		return plainOK{string(op.Op) + "_ok", who.msgID}
	case kv.KeyMissing:
		return errorReply{"error", official.KeyDoesNotExist, "there is no such key", who.msgID}
	case kv.Mismatch:
		return errorReply{"error", official.PreconditionFailed, "the present value is not the one given as from", who.msgID}
	}
	return errorReply{"error", official.MalformedRequest, "not executed: the operation is incomplete", who.msgID}
}
