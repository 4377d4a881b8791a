package maelstrom

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"maelraft/raft"
)

// The types of bodies between nodes that are not Raft's.
const (
	kindProxy   = "proxy"
	kindProxyOK = "proxy_ok"
)

func isProxy(kind string) bool { return kind == kindProxy || kind == kindProxyOK }

// proxyBody is a copy of a client's request, passed on by a node that does not serve:
//
//	{"type":"proxy","number":4294967297,"life":1,"patience_us":700000,"seen":12,"client":"c5",
//	 "body":{"type":"write","key":1,"value":2,"msg_id":9}}
type proxyBody struct {
	Type string `json:"type"`
	// Number is the copy's own: greater than that of all earlier ones of the sender.
	Number uint64 `json:"number"`
	// Life is the one of the receiver for which the copy is meant: no other takes it. It is 0 if the sender does not know it yet.
	Life     uint64          `json:"life"`
	Patience int64           `json:"patience_us"`
	Seen     raft.Index      `json:"seen"` // see session.Command: the same in all copies
	Client   string          `json:"client"`
	Body     json.RawMessage `json:"body"`
}

// proxyOKBody answers a proxyBody with the reply that the client is to get. If there is none the receiver does not serve either; if the life is not the one
// that the copy was meant for, it did not look at it.
type proxyOKBody struct {
	Type    string     `json:"type"`
	Number  uint64     `json:"number"`
	Life    uint64     `json:"life"`
	Applied raft.Index `json:"applied"`
	Body    any        `json:"body,omitempty"`
}

// proxied says through whom a request has come.
type proxied struct {
	node   string
	number uint64
}

// numbers remembers which copies of a sender have been taken: none is taken twice, though the network may duplicate it, and so the first answer to it is the
// only one. Of those that are overtaken by many some are not taken at all, which is as good as lost. What a life has taken the next one does not
// know; it takes nothing that was meant for another.
type numbers [1024]uint64

func (n *numbers) take(number uint64) bool {
	last := &n[number%uint64(len(n))]
	if number <= *last {
		return false
	}
	*last = number
	return true
}

// handleProxy serves what another node has passed on, as if the client had asked us, but that the other one gets the reply.
func (s *server) handleProxy(m message) {
	f := &fields{object: m.body}
	number, life, patience := f.number("number"), f.number("life"), f.micros("patience_us")
	r := call{asker: asker{name: f.id("client"), via: &proxied{m.Src, number}}, seen: f.index("seen")}
	body, err := parseObject(f.find("body"))
	if err = errors.Join(f.err, err); err == nil {
		r.kind, _ = body.text("type")
		if r.msgID, err = integerOf(body, "msg_id"); err == nil && !isPassedOn(r.kind) {
			err = fmt.Errorf("a %q is not passed on", excerpt([]byte(r.kind)))
		}
	}
	if err != nil {
		s.drops.add(slog.LevelWarn, dropBadPeer, "src", m.Src, "type", kindProxy, "error", err)
		return
	}
	p := s.member.peers[m.Src]
	p.heard.Store(true)
	switch {
	case life != s.member.life:
		s.replyProxy(r.via, nil)
	case !p.taken.take(number):
		s.drops.add(slog.LevelDebug, dropTaken, "src", m.Src, "number", number)
	default:
		r.limit = min(patience, maxProxied)
		r.until = time.Now().Add(r.limit)
		s.serve(r, body)
	}
}

func integerOf(o object, name string) (int64, error) {
	n, ok := o.integer(name)
	if !ok {
		return 0, fmt.Errorf("field %q is not an integer", name)
	}
	return n, nil
}

// isPassedOn says whether a request goes to a member where it cannot be served.
func isPassedOn(kind string) bool {
	r := call{kind: kind}
	return r.isOperation() || isChange(kind) || kind == kindConfiguration || kind == "transfer"
}

// replyProxy answers a copy: with nothing if it was not looked at, or this node does not serve.
func (s *server) replyProxy(to *proxied, reply any) {
	if s.out.crowded() {
		s.drops.add(slog.LevelWarn, dropFull, "dest", to.node)
		return
	}
	s.transmit(to.node, proxyOKBody{kindProxyOK, to.number, s.member.life, s.member.core.Status().Applied, reply})
}
