package maelstrom

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"maelraft/kv"
	"maelraft/raft"
)

func value(text string) kv.Value {
	v, err := kv.ParseValue([]byte(text))
	if err != nil {
		panic(err)
	}
	return v
}

// sampleMessages returns a message of every type.
func sampleMessages() []raft.Body {
	cas := command{Client: "c5", ID: 9, Seen: 4, Op: kv.Command{Op: kv.CAS, Key: value("1"), From: value("2"), To: value("3")}}
	write := command{Client: "c6", ID: 1, Op: kv.Command{Op: kv.Write, Key: value(`"k"`), Value: value(`[1.50]`)}}
	return []raft.Body{
		raft.PreVoteRequest{Term: 1, LastIndex: 1, LastTerm: 1, At: 1000},
		raft.PreVoteReply{At: 2000},
		raft.PreVoteReply{Term: 3, Stranger: true},
		raft.VoteRequest{Term: 1, LastIndex: 1, LastTerm: 1, At: 3000},
		raft.VoteReply{At: 4000},
		raft.AppendRequest[command]{
			Term: 1, PrevIndex: 5, PrevTerm: 1, Commit: 5, Round: 2, At: time.Second, RTT: raft.RoundTrip{Mean: time.Millisecond, Deviation: 7000},
			Promise: 100 * time.Millisecond, Configuration: 4,
			Entries: []raft.Entry[command]{{Index: 6, Term: 1}, {Index: 7, Term: 1, ID: raft.ProposalID{Node: "n3", Seq: 123}, Command: cas}, {
				Index: 8, Term: 1, Config: &raft.Configuration{
					Index: 8, Voters: []raft.NodeID{"n1", "n2", "n4"}, Outgoing: []raft.NodeID{"n1", "n2", "n3"}, Learners: []raft.NodeID{"n5"},
					Witnesses: []raft.NodeID{"n4"},
				},
			}, {Index: 9, Term: 1, Config: &raft.Configuration{Index: 9, Voters: []raft.NodeID{"n1"}}}},
		},
		raft.AppendReply{Match: 6, PrevIndex: 7, HintIndex: 3, HintTerm: 1, Round: 1, At: 5000, Promise: 8000},
		raft.SnapshotRequest{
			Term: 1, Index: 5, LastTerm: 1, Offset: 3, Size: 90, Data: []byte("{\"sessions\":\xff"), At: 6000,
			Configuration: raft.Configuration{Index: 4, Voters: []raft.NodeID{"n1", "n2"}, Learners: []raft.NodeID{"n3"}},
		},
		raft.SnapshotReply{Index: 5, Chunk: 3, Offset: 6, At: 7000},
		raft.CommitNotice{Commit: 3},
		raft.ForwardRequest[command]{Term: 0, Proposals: []raft.Proposal[command]{{Seq: 4, Command: write}, {Seq: 5, Command: cas}}, Second: []raft.NodeID{"n3", "n4"}},
		raft.ReadRequest{ID: 4, Round: true},
		raft.ReadReply{ID: 4, Index: 3, Confirmed: true, Configuration: 2},
		raft.ConfirmRequest{ID: 4},
		raft.ConfirmReply{ID: 4, Last: 3},
		raft.TransferRequest{Term: 1, To: "n3"},
		raft.TransferReply{Term: 1, Why: raft.RefusedBusy},
		raft.TimeoutNow{Term: 1},
		raft.ChangeRequest{Term: 1, ID: 7, Change: raft.Change{Kind: raft.Replace, Nodes: []raft.NodeID{"n1", "n2", "n4"}}},
		raft.ChangeReply{Term: 1, ID: 7, Configuration: 8},
		raft.ChangeReply{Term: 1, ID: 7, Why: raft.RefusedBehind},
		raft.VoteRequest{Term: 1, LastIndex: 1, LastTerm: 1, At: 3000, Transfer: true},
	}
}

// travel sends a body through the JSON of a line.
func travel(body raft.Body) (raft.Body, error) {
	text, err := json.Marshal(encodeBody(body))
	if err != nil {
		return nil, err
	}
	m, err := parseMessage([]byte(`{"src":"n1","dest":"n2","body":` + string(text) + `}`))
	if err != nil {
		return nil, err
	}
	return decodeBody(m.kind(), m.body)
}

func TestEveryTypeTravels(t *testing.T) {
	kinds := map[string]bool{}
	for _, body := range sampleMessages() {
		got, err := travel(body)
		if err != nil || !reflect.DeepEqual(got, body) {
			t.Errorf("sent     %+v\nreceived %+v, %v", body, got, err)
		}
		text, _ := json.Marshal(encodeBody(body))
		t.Logf("%s", text)
		var named struct{ Type string }
		_ = json.Unmarshal(text, &named)
		kinds[named.Type] = true
	}
	if len(kinds) != len(decoders) {
		t.Errorf("samples of %d types, decoders for %d", len(kinds), len(decoders))
	}
}

func TestAnyMessageTravels(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		body := drawBody(t)
		got, err := travel(body)
		// The spelling of strings may change on the way; so compare them as they are written.
		if err != nil || written(t, got) != written(t, body) {
			t.Fatalf("sent     %+v\nreceived %+v, %v", body, got, err)
		}
	})
}

func written(t *rapid.T, body raft.Body) string {
	text, err := json.Marshal(encodeBody(body))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func drawNodes(t *rapid.T) (ids []raft.NodeID) {
	for range rapid.IntRange(0, 2).Draw(t, "nodes") {
		ids = append(ids, raft.NodeID(drawID(t)))
	}
	return ids
}

func drawBody(t *rapid.T) raft.Body {
	number := func(name string) uint64 { return rapid.Uint64Range(0, 1<<63-1).Draw(t, name) }
	term := func() raft.Term { return raft.Term(number("term")) }
	index := func() raft.Index { return raft.Index(number("index")) }
	at := func() time.Duration {
		return time.Duration(rapid.Int64Range(0, 1<<53).Draw(t, "at")) * time.Microsecond
	}
	flag := func() bool { return rapid.Bool().Draw(t, "flag") }
	switch rapid.IntRange(0, 15).Draw(t, "type") {
	case 0:
		return raft.PreVoteRequest{Term: term(), LastIndex: index(), LastTerm: term(), At: at()}
	case 1:
		return raft.PreVoteReply{Term: term(), Granted: flag(), At: at(), Stranger: flag()}
	case 2:
		return raft.VoteRequest{Term: term(), LastIndex: index(), LastTerm: term(), At: at()}
	case 3:
		return raft.VoteReply{Term: term(), Granted: flag(), At: at()}
	case 4:
		m := raft.AppendRequest[command]{Term: term(), PrevIndex: index(), PrevTerm: term(), Commit: index(), Round: number("round"), At: at(), Quiet: flag(), Early: flag(), Second: drawNodes(t)}
		m.RTT, m.Promise, m.Configuration = raft.RoundTrip{Mean: at(), Deviation: at()}, at(), index()
		for range rapid.IntRange(0, 3).Draw(t, "entries") {
			e := raft.Entry[command]{Index: index(), Term: term()}
			switch rapid.IntRange(0, 2).Draw(t, "what") {
			case 0:
				e.ID = raft.ProposalID{Node: raft.NodeID(drawID(t)), Seq: number("seq")}
				e.Command = drawCommand(t)
			case 1:
				g := drawConfiguration(t)
				g.Index = e.Index
				e.Config = &g
			}
			m.Entries = append(m.Entries, e)
		}
		return m
	case 5:
		return raft.AppendReply{
			Term: term(), OK: flag(), Match: index(), PrevIndex: index(), HintIndex: index(), HintTerm: term(), Round: number("round"), At: at(),
			Promise: at(),
		}
	case 6:
		return raft.CommitNotice{Term: term(), Commit: index()}
	case 7:
		m := raft.ForwardRequest[command]{Term: term(), Second: drawNodes(t)}
		for range rapid.IntRange(0, 3).Draw(t, "proposals") {
			m.Proposals = append(m.Proposals, raft.Proposal[command]{Seq: number("seq"), Command: drawCommand(t)})
		}
		return m
	case 8:
		return raft.ReadRequest{Term: term(), ID: number("id"), Round: flag()}
	case 9:
		return raft.ConfirmRequest{Term: term(), ID: number("id")}
	case 10:
		return raft.ConfirmReply{Term: term(), ID: number("id"), Last: index()}
	case 11:
		data := rapid.SliceOf(rapid.Byte()).Draw(t, "data")
		return raft.SnapshotRequest{
			Term: term(), Index: index(), LastTerm: term(), Offset: number("offset"), Size: number("size"), Data: data, At: at(),
			Configuration: drawConfiguration(t),
		}
	case 12:
		return raft.SnapshotReply{Term: term(), Index: index(), Chunk: number("chunk"), Offset: number("offset"), Done: flag(), At: at()}
	case 13:
		return raft.ChangeRequest{Term: term(), ID: number("id"), Change: raft.Change{Kind: raft.ChangeKind(drawID(t)), Nodes: drawIDs(t)}}
	case 14:
		return raft.ChangeReply{Term: term(), ID: number("id"), Why: raft.Refusal(rapid.StringN(0, 8, -1).Draw(t, "why")), Configuration: index()}
	}
	return raft.ReadReply{Term: term(), ID: number("id"), Index: index(), Commit: index(), Confirmed: flag(), Configuration: index()}
}

func drawConfiguration(t *rapid.T) raft.Configuration {
	return raft.Configuration{
		Index: raft.Index(rapid.Uint64Range(0, 1<<63-1).Draw(t, "index")), Voters: drawIDs(t), Outgoing: drawIDs(t), Learners: drawIDs(t), Witnesses: drawIDs(t),
	}
}

func drawIDs(t *rapid.T) (ids []raft.NodeID) {
	for range rapid.IntRange(0, 3).Draw(t, "ids") {
		ids = append(ids, raft.NodeID(drawID(t)))
	}
	return ids
}

func drawID(t *rapid.T) string { return rapid.StringN(1, 8, -1).Draw(t, "id") }

func drawCommand(t *rapid.T) command {
	v := func() kv.Value {
		return value(rapid.SampledFrom([]string{"0", "-1.50", `"a\u0000<\u00e9"`, "null", `{"a":[1,{}]}`, "1152921504606846977"}).Draw(t, "value"))
	}
	c := command{
		Client: drawID(t), ID: rapid.Uint64Range(0, 1<<63-1).Draw(t, "id"), Seen: raft.Index(rapid.Uint64Range(0, 1<<63-1).Draw(t, "seen")),
	}
	if rapid.Bool().Draw(t, "write") {
		c.Op = kv.Command{Op: kv.Write, Key: v(), Value: v()}
	} else {
		c.Op = kv.Command{Op: kv.CAS, Key: v(), From: v(), To: v(), CreateIfNotExists: rapid.Bool().Draw(t, "create")}
	}
	return c
}

func TestWrongTypesAreRefused(t *testing.T) {
	refused := 0
	for kind, sample := range sampleBodies() {
		for _, g := range nonsense(kind, sample) {
			m, err := parseMessage([]byte(g.line))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := decodeBody(kind, m.body); err != nil {
				refused++
				continue
			}
			if m.body.find("term") != nil && string(m.body.find("term")) == "true" {
				t.Errorf("taken in: %s", g.line)
			}
		}
		for field := range sample {
			body := clone(sample)
			delete(body, field)
			text, _ := json.Marshal(body)
			o, _ := parseObject(text)
			optional := []string{"type", "promise_us", "transfer", "stranger", "second"}
			switch kind {
			case kindAppendEntries, kindReadIndexOK:
				optional = append(optional, "configuration")
			case kindChangeOK:
				optional = append(optional, "why", "configuration")
			}
			if _, err := decodeBody(kind, o); err == nil && !slices.Contains(optional, field) {
				t.Errorf("%s without %s was taken in", kind, field)
			}
		}
	}
	if refused < 400 {
		t.Errorf("only %d were refused", refused)
	}
}

// What is within a relay is passed on as it came.
func TestRelayTravels(t *testing.T) {
	for _, body := range sampleMessages() {
		raw, _ := json.Marshal(encodeBody(body))
		text, _ := json.Marshal(relayBody{kindRelay, "n2", "n3", "n1", raw})
		for range 2 { // from n2 by n1 to n3
			o, err := parseObject(text)
			if err != nil {
				t.Fatal(err)
			}
			w, err := unwrap(o)
			if err != nil || w.from != "n2" || w.to != "n3" || w.heard != "n1" {
				t.Fatalf("%s: %+v, %v", text, w, err)
			}
			if got, err := decodeBody(w.kind, w.body); err != nil || !reflect.DeepEqual(got, body) {
				t.Errorf("sent     %+v\nreceived %+v, %v", body, got, err)
			}
			text, _ = json.Marshal(relayBody{kindRelay, w.from, w.to, w.heard, w.raw})
		}
	}
}

func TestBadRelaysAreRefused(t *testing.T) {
	const body = `"body":{"type":"pre_vote"}`
	for _, text := range []string{
		`{}`, `{` + body + `}`, `{"from":"n2","to":"n1",` + body + `}`, `{"from":"n2","heard":"",` + body + `}`,
		`{"to":"n1","heard":"",` + body + `}`, `{"from":"n2","to":"n1","heard":null,` + body + `}`, `{"from":2,"to":"n1","heard":"",` + body + `}`,
		`{"from":"n2","to":["n1"],"heard":"",` + body + `}`, `{"From":"n2","to":"n1","heard":"",` + body + `}`,
		`{"from":"n2","to":"n1","heard":""}`, `{"from":"n2","to":"n1","heard":"","body":null}`, `{"from":"n2","to":"n1","heard":"","body":[]}`,
		`{"from":"n2","to":"n1","heard":"","body":{}}`, `{"from":"n2","to":"n1","heard":"","body":{"type":5}}`,
		`{"from":"n2","to":"n1","heard":"","body":{"type":"relay"}}`, `{"from":"n2","to":"n1","heard":"","body":{"type":"read"}}`,
	} {
		o, err := parseObject([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		if w, err := unwrap(o); err == nil {
			t.Errorf("%s was taken in as %+v", text, w)
		}
	}
}

func TestBadEntriesAreRefused(t *testing.T) {
	for _, entry := range []string{
		`{}`, `{"index":1}`, `{"index":1,"term":1,"by":"n1"}`, `{"index":1,"term":1,"seq":1}`, `{"index":1,"term":1,"op":"write"}`,
		`{"index":1,"term":1,"by":"","seq":1,"client":"c","id":1,"seen":0,"op":"write","key":1,"value":1}`,
		`{"index":1,"term":1,"by":"n1","seq":1,"client":"","id":1,"seen":0,"op":"write","key":1,"value":1}`,
		`{"index":1,"term":1,"by":"n1","seq":1,"client":"c","id":1,"seen":0,"op":"append","key":1,"value":1}`,
		`{"index":1,"term":1,"by":"n1","seq":1,"client":"c","id":1,"seen":0,"op":"write","key":1}`,
		`{"index":1,"term":1,"by":"n1","seq":1,"client":"c","id":1,"seen":0,"op":"cas","key":1,"from":1}`,
		`{"index":1,"term":1,"by":"n1","seq":1,"client":"c","id":1,"seen":-1,"op":"write","key":1,"value":1}`,
		`{"index":1,"term":1,"configuration":3}`, `{"index":1,"term":1,"configuration":null}`, `{"index":1,"term":1,"configuration":["n1"]}`,
		`{"index":1,"term":1,"configuration":{}}`, `{"index":1,"term":1,"configuration":{"voters":"n1"}}`,
		`{"index":1,"term":1,"configuration":{"voters":["n1",2]}}`, `{"index":1,"term":1,"configuration":{"voters":["n1"],"outgoing":null}}`,
		`{"index":1,"term":1,"configuration":{"voters":["n1"],"learners":[["n2"]]}}`, `{"index":1,"term":1,"configuration":{"voters":["n1"],"witnesses":{}}}`,
		`{"index":1,"term":1,"configuration":{"Voters":["n1"]}}`,
	} {
		text := fmt.Sprintf(`{"term":1,"prev_index":0,"prev_term":0,"entries":[%s],"commit":0,"round":0,"at_us":0,"quiet":false,"early":false,"rtt_us":0,"rtt_deviation_us":0}`, entry)
		o, err := parseObject([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		if body, err := decodeBody(kindAppendEntries, o); err == nil {
			t.Errorf("%s was taken in as %+v", entry, body)
		}
	}
}
