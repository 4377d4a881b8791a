package maelstrom

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"

	"maelraft/kv"
	"maelraft/raft"
)

// decoders read the bodies between nodes. They are strict about types, for what is of the wrong type was not sent by a node of
// ours; whether the numbers make sense is for the core to see. Fields that we do not know are passed over, so that a
// later version may add some.
var decoders = map[string]func(*fields) raft.Body{
	kindPreVote: func(f *fields) raft.Body {
		return raft.PreVoteRequest{
			Term: f.term("term"), LastIndex: f.index("last_index"), LastTerm: f.term("last_term"), At: f.micros("at_us"),
		}
	},
	kindPreVoteOK: func(f *fields) raft.Body {
		return raft.PreVoteReply{
			Term: f.term("term"), Granted: f.flag("granted"), At: f.micros("at_us"),
			Stranger: f.find("stranger") != nil && f.flag("stranger"),
		}
	},
	kindRequestVote: func(f *fields) raft.Body {
		return raft.VoteRequest{
			Term: f.term("term"), LastIndex: f.index("last_index"), LastTerm: f.term("last_term"), At: f.micros("at_us"),
			Transfer: f.find("transfer") != nil && f.flag("transfer"),
		}
	},
	kindRequestVoteOK: func(f *fields) raft.Body {
		return raft.VoteReply{Term: f.term("term"), Granted: f.flag("granted"), At: f.micros("at_us")}
	},
	kindAppendEntries: func(f *fields) raft.Body {
		return raft.AppendRequest[command]{
			Term: f.term("term"), PrevIndex: f.index("prev_index"), PrevTerm: f.term("prev_term"), Entries: f.entries("entries"),
			Commit: f.index("commit"), Round: f.number("round"), At: f.micros("at_us"),
			Quiet: f.flag("quiet"), Early: f.flag("early"), RTT: raft.RoundTrip{Mean: f.micros("rtt_us"), Deviation: f.micros("rtt_deviation_us")},
			Promise: f.optionalMicros("promise_us"), Configuration: f.optionalIndex("configuration"), Second: f.optionalNodes("second"),
		}
	},
	kindAppendEntriesOK: func(f *fields) raft.Body {
		return raft.AppendReply{
			Term: f.term("term"), OK: f.flag("success"), Match: f.index("match"), PrevIndex: f.index("prev_index"),
			HintIndex: f.index("hint_index"), HintTerm: f.term("hint_term"), Round: f.number("round"), At: f.micros("at_us"),
			Promise: f.optionalMicros("promise_us"),
		}
	},
	kindSnapshot: func(f *fields) raft.Body {
		return raft.SnapshotRequest{
			Term: f.term("term"), Index: f.index("index"), LastTerm: f.term("last_term"), Configuration: f.configuration("configuration"),
			Offset: f.number("offset"), Size: f.number("size"), Data: f.bytes("data"), At: f.micros("at_us"),
		}
	},
	kindSnapshotOK: func(f *fields) raft.Body {
		return raft.SnapshotReply{
			Term: f.term("term"), Index: f.index("index"), Chunk: f.number("chunk"), Offset: f.number("offset"), Done: f.flag("done"),
			At: f.micros("at_us"),
		}
	},
	kindCommitNotice: func(f *fields) raft.Body {
		return raft.CommitNotice{Term: f.term("term"), Commit: f.index("commit")}
	},
	kindForward: func(f *fields) raft.Body {
		return raft.ForwardRequest[command]{Term: f.term("term"), Proposals: f.proposals("proposals"), Second: f.optionalNodes("second")}
	},
	kindReadIndex: func(f *fields) raft.Body {
		return raft.ReadRequest{Term: f.term("term"), ID: f.number("read_id"), Round: f.flag("by_round")}
	},
	kindReadIndexOK: func(f *fields) raft.Body {
		return raft.ReadReply{
			Term: f.term("term"), ID: f.number("read_id"), Index: f.index("index"), Commit: f.index("commit"), Confirmed: f.flag("confirmed"),
			Configuration: f.optionalIndex("configuration"),
		}
	},
	kindConfirm: func(f *fields) raft.Body {
		return raft.ConfirmRequest{Term: f.term("term"), ID: f.number("read_id")}
	},
	kindConfirmOK: func(f *fields) raft.Body {
		return raft.ConfirmReply{Term: f.term("term"), ID: f.number("read_id"), Last: f.index("last")}
	},
	kindTransfer: func(f *fields) raft.Body {
		return raft.TransferRequest{Term: f.term("term"), To: f.node("to")}
	},
	kindTransferRefused: func(f *fields) raft.Body {
		return raft.TransferReply{Term: f.term("term"), To: f.node("to"), Why: raft.Refusal(f.id("why"))}
	},
	kindTimeoutNow: func(f *fields) raft.Body {
		return raft.TimeoutNow{Term: f.term("term")}
	},
	kindChange: func(f *fields) raft.Body {
		return raft.ChangeRequest{
			Term: f.term("term"), ID: f.number("change_id"), Change: raft.Change{Kind: raft.ChangeKind(f.id("kind")), Nodes: f.nodes("nodes")},
		}
	},
	kindChangeOK: func(f *fields) raft.Body {
		m := raft.ChangeReply{Term: f.term("term"), ID: f.number("change_id"), Configuration: f.optionalIndex("configuration")}
		if f.find("why") != nil {
			m.Why = raft.Refusal(f.id("why"))
		}
		return m
	},
}

// isRaft says whether a type is one that nodes send to each other.
func isRaft(kind string) bool { return decoders[kind] != nil || kind == kindRelay }

// wrapped is a body between nodes, with the ends of its way.
type wrapped struct {
	from, to string
	heard    string
	kind     string
	body     object
	raw      json.RawMessage
}

// unwrap takes a relay apart. What is within is a message of Raft, not another relay.
func unwrap(o object) (wrapped, error) {
	w := wrapped{raw: o.find("body")}
	texts := true
	for _, f := range []struct {
		name string
		to   *string
	}{{"from", &w.from}, {"to", &w.to}, {"heard", &w.heard}} {
		text, ok := o.text(f.name)
		*f.to, texts = text, texts && ok
	}
	if !texts || len(w.raw) == 0 || w.raw[0] != '{' {
		return w, errors.New("relay: from, to and heard are strings, body is an object")
	}
	var err error
	if w.body, err = parseObject(w.raw); err != nil {
		return w, fmt.Errorf("relay: %w", err)
	}
	w.kind, _ = w.body.text("type")
	if decoders[w.kind] == nil {
		return w, fmt.Errorf("relay: of a %q", w.kind)
	}
	return w, nil
}

// decodeBody is the inverse of encodeBody. The result shares no memory with the object.
func decodeBody(kind string, o object) (raft.Body, error) {
	decode := decoders[kind]
	if decode == nil {
		return nil, fmt.Errorf("%q is no type of a Raft message", kind)
	}
	f := &fields{object: o}
	body := decode(f)
	return body, f.err
}

func (f *fields) term(name string) raft.Term   { return raft.Term(f.number(name)) }
func (f *fields) index(name string) raft.Index { return raft.Index(f.number(name)) }

// node reads the id of a node, or an empty one.
func (f *fields) node(name string) raft.NodeID {
	id, ok := f.text(name)
	if !ok {
		f.fail(name, "a string")
	}
	return raft.NodeID(id)
}

// optionalIndex reads an index that is zero if it is not given.
func (f *fields) optionalIndex(name string) raft.Index {
	if f.find(name) == nil {
		return 0
	}
	return f.index(name)
}

// nodes reads a list of ids.
func (f *fields) nodes(name string) []raft.NodeID {
	list, err := elements(f.find(name))
	if err != nil {
		f.fail(name, "a list")
	}
	var ids []raft.NodeID
	for _, text := range list {
		if text[0] != '"' {
			f.fail(name, "a list of strings")
			return nil
		}
		ids = append(ids, raft.NodeID(unquote(text)))
	}
	return ids
}

func (f *fields) optionalNodes(name string) []raft.NodeID {
	if f.find(name) == nil {
		return nil
	}
	return f.nodes(name)
}

// configuration reads who belongs to the cluster. Whether there can be such a configuration is for the core to see.
func (f *fields) configuration(name string) raft.Configuration {
	g := fields{}
	if g.object, g.err = parseObject(f.find(name)); g.err != nil {
		f.fail(name, "an object")
		return raft.Configuration{}
	}
	c := raft.Configuration{
		Index: g.optionalIndex("index"), Voters: g.nodes("voters"), Outgoing: g.optionalNodes("outgoing"),
		Learners: g.optionalNodes("learners"), Witnesses: g.optionalNodes("witnesses"),
	}
	if g.err != nil && f.err == nil {
		f.err = fmt.Errorf("%s: %w", name, g.err)
	}
	return c
}

// bytes reads base64.
func (f *fields) bytes(name string) []byte {
	text, ok := f.text(name)
	data, err := base64.StdEncoding.DecodeString(text)
	if !ok || err != nil {
		f.fail(name, "base64")
	}
	return data
}

// objects reads a list of objects, each with read, until one of them is not right.
func (f *fields) objects(name string, read func(*fields)) {
	list, err := elements(f.find(name))
	if err != nil {
		f.fail(name, "a list")
		return
	}
	for i, text := range list {
		element := fields{}
		element.object, element.err = parseObject(text)
		if element.err == nil {
			read(&element)
		}
		if element.err != nil && f.err == nil {
			f.err = fmt.Errorf("%s[%d]: %w", name, i, element.err)
		}
		if f.err != nil {
			return
		}
	}
}

func (f *fields) entries(name string) []raft.Entry[command] {
	var entries []raft.Entry[command]
	f.objects(name, func(e *fields) {
		entry := raft.Entry[command]{Index: e.index("index"), Term: e.term("term")}
		if e.find("configuration") != nil {
			g := e.configuration("configuration")
			g.Index = entry.Index
			entry.Config = &g
		}
		if e.find("seq") != nil || e.find("by") != nil || e.find("op") != nil {
			entry.ID = raft.ProposalID{Node: raft.NodeID(e.id("by")), Seq: e.number("seq")}
			entry.Command = e.command()
		}
		entries = append(entries, entry)
	})
	return entries
}

func (f *fields) proposals(name string) []raft.Proposal[command] {
	var proposals []raft.Proposal[command]
	f.objects(name, func(p *fields) {
		proposals = append(proposals, raft.Proposal[command]{Seq: p.number("seq"), Command: p.command()})
	})
	return proposals
}

// command reads a command that stands flat among the fields.
func (f *fields) command() command {
	c := command{Client: f.id("client"), ID: f.number("id"), Seen: f.index("seen")}
	op, err := parseCommand(f.id("op"), f.object)
	if err != nil && f.err == nil {
		f.err = err
	}
	c.Op = op
	return c
}

// parseCommand reads the fields that an operation of lin-kv needs, in a client's request as well as in a peer's message. Other fields are
// passed over.
func parseCommand(op string, o object) (kv.Command, error) {
	c := kv.Command{Op: kv.Op(op)}
	var errs [4]error
	switch c.Op {
	case kv.Read:
		c.Key, errs[0] = parseValue(o, "key")
	case kv.Write:
		c.Key, errs[0] = parseValue(o, "key")
		c.Value, errs[1] = parseValue(o, "value")
	case kv.CAS:
		c.Key, errs[0] = parseValue(o, "key")
		c.From, errs[1] = parseValue(o, "from")
		c.To, errs[2] = parseValue(o, "to")
		c.CreateIfNotExists, errs[3] = parseFlag(o, "create_if_not_exists")
	default:
		return kv.Command{}, fmt.Errorf("%q is no operation", op)
	}
	if err := errors.Join(errs[:]...); err != nil {
		return kv.Command{}, err
	}
	return c, nil
}

func parseValue(o object, name string) (kv.Value, error) {
	text := o.find(name)
	if text == nil {
		return kv.Value{}, fmt.Errorf("field %q is missing", name)
	}
	v, err := kv.ParseValue(text)
	if err != nil {
		return kv.Value{}, fmt.Errorf("field %q: %w", name, err)
	}
	return v, nil
}

// parseFlag reads a flag that need not be there.
func parseFlag(o object, name string) (bool, error) {
	switch string(o.find(name)) {
	case "true":
		return true, nil
	case "false", "":
		return false, nil
	}
	return false, fmt.Errorf("field %q is neither true nor false", name)
}
