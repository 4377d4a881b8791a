package workbench

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// toyVariable makes the test binary a node: its value names a defect.
const toyVariable = "WORKBENCH_TOY"

func TestMain(m *testing.M) {
	if defect, ok := os.LookupEnv(toyVariable); ok {
		runToy(defect)
		return
	}
	flag.Parse()
	// The tests mostly wait for time to pass.
	_ = flag.Set("test.parallel", "8")
	goleak.VerifyTestMain(m)
}

// toy is a small node. The first node keeps the values, the others pass
// requests on to it. That is linearizable, if not available.
type toy struct {
	defect  string
	id      string
	nodes   []string
	values  map[string]string
	copies  map[string]string // what this node saw last, for local reads
	waiting map[int]toyMessage
	lastID  int
	served  int            // requests from clients
	applied map[string]int // requests carried out, by type
}

type toyMessage struct {
	Src  string  `json:"src"`
	Dest string  `json:"dest"`
	Body toyBody `json:"body"`
}

type toyBody struct {
	Type      string          `json:"type"`
	MsgID     *int            `json:"msg_id,omitempty"`
	InReplyTo *int            `json:"in_reply_to,omitempty"`
	NodeID    string          `json:"node_id,omitempty"`
	NodeIDs   []string        `json:"node_ids,omitempty"`
	Key       json.RawMessage `json:"key,omitempty"`
	Value     json.RawMessage `json:"value,omitempty"`
	From      json.RawMessage `json:"from,omitempty"`
	To        json.RawMessage `json:"to,omitempty"`
	Code      *int            `json:"code,omitempty"`
	Extra     string          `json:"extra,omitempty"`
	Request   *toyBody        `json:"request,omitempty"`
	Role      string          `json:"role,omitempty"`
	Term      *int            `json:"term,omitempty"`
}

func runToy(defect string) {
	t := &toy{defect: defect, values: map[string]string{}, copies: map[string]string{}, waiting: map[int]toyMessage{}, applied: map[string]int{}}
	in := bufio.NewScanner(os.Stdin)
	in.Buffer(nil, 1<<20)
	for in.Scan() {
		var m toyMessage
		if err := json.Unmarshal(in.Bytes(), &m); err != nil {
			fmt.Fprintln(os.Stderr, "bad line", err)
			continue
		}
		t.handle(m)
	}
}

func (t *toy) send(src, dest string, body toyBody) {
	line, _ := json.Marshal(toyMessage{src, dest, body})
	fmt.Println(string(line))
}

func (t *toy) handle(m toyMessage) {
	b := m.Body
	switch b.Type {
	case "init":
		if t.defect == "no-init" {
			fmt.Fprintln(os.Stderr, "I refuse")
			os.Exit(3)
		}
		t.id, t.nodes = b.NodeID, b.NodeIDs
		t.send(t.id, m.Src, toyBody{Type: "init_ok", InReplyTo: b.MsgID})
	case "status":
		role, term := "follower", 1
		if t.id == t.nodes[0] {
			role = "leader"
		}
		t.send(t.id, m.Src, toyBody{Type: "status_ok", InReplyTo: b.MsgID, Role: role, Term: &term})
	case "pass":
		reply := t.apply(*b.Request)
		reply.InReplyTo = b.Request.MsgID
		t.send(t.id, m.Src, toyBody{Type: "passed", InReplyTo: b.MsgID, Request: &reply})
	case "passed":
		first := t.waiting[*b.InReplyTo]
		delete(t.waiting, *b.InReplyTo)
		if b.Request.Type == "read_ok" {
			t.copies[string(first.Body.Key)] = string(b.Request.Value)
		}
		t.send(t.id, first.Src, *b.Request)
	default:
		t.serve(m)
	}
}

// serve answers a client, directly or by passing the request on.
func (t *toy) serve(m toyMessage) {
	t.served++
	if t.misbehave(m) {
		return
	}
	if t.id != t.nodes[0] {
		if v, ok := t.copies[string(m.Body.Key)]; ok && t.defect == "local-read" && m.Body.Type == "read" && t.served%3 != 0 {
			t.send(t.id, m.Src, toyBody{Type: "read_ok", InReplyTo: m.Body.MsgID, Value: json.RawMessage(v)})
			return
		}
		t.lastID++
		id := t.lastID
		t.waiting[id] = m
		t.send(t.id, t.nodes[0], toyBody{Type: "pass", MsgID: &id, Request: &m.Body})
		return
	}
	reply := t.apply(m.Body)
	reply.InReplyTo = m.Body.MsgID
	t.send(t.id, m.Src, reply)
	if t.defect == "double-reply" {
		t.send(t.id, m.Src, reply)
	}
}

// misbehave shows the defects that are not about values.
func (t *toy) misbehave(m toyMessage) bool {
	late := t.served > 20
	last := t.id == t.nodes[len(t.nodes)-1]
	tenth := last && t.served == 10
	switch {
	case t.defect == "garbage" && tenth:
		fmt.Println("oops, a debug line")
	case t.defect == "unknown-dest" && tenth:
		t.send(t.id, "n99", toyBody{Type: "hello"})
	case t.defect == "exit-0" && late:
		fmt.Fprintln(os.Stderr, "my last words")
		os.Exit(0)
	case t.defect == "spoof" && t.id != t.nodes[0]:
		t.send(m.Src, t.nodes[0], m.Body)
		return true
	case t.defect == "close-stdout" && late:
		_ = os.Stdout.Close()
	}
	return t.defect == "mute" || (t.defect == "hang" && late && last)
}

func failure(code int) toyBody { return toyBody{Type: "error", Code: &code} }

// apply does what a request asks, with the defects that are about values.
func (t *toy) apply(b toyBody) toyBody {
	key := string(b.Key)
	old, exists := t.values[key]
	t.applied[b.Type]++
	now := t.applied[b.Type]%4 == 0
	switch b.Type {
	case "read":
		switch {
		case !exists, now && t.defect == "stale-20":
			return failure(20)
		case now && t.defect == "null-read":
			return toyBody{Type: "read_ok", Value: json.RawMessage("null")}
		case t.defect == "extra-field":
			return toyBody{Type: "read_ok", Value: json.RawMessage(old), Extra: "x"}
		case now && t.defect == "missing-value":
			return toyBody{Type: "read_ok"}
		}
		return toyBody{Type: "read_ok", Value: json.RawMessage(old)}
	case "write":
		if now && t.defect == "lost-write" {
			return toyBody{Type: "write_ok"}
		}
		t.values[key] = string(b.Value)
		if now && t.defect == "definite-lie" {
			return failure(11)
		}
		return toyBody{Type: "write_ok"}
	case "cas":
		return t.applyCAS(b, key, old, exists)
	}
	return failure(10)
}

func (t *toy) applyCAS(b toyBody, key, old string, exists bool) toyBody {
	switch {
	case !exists:
		return failure(20)
	case old != string(b.From):
		return failure(22)
	}
	t.applied["match"]++
	now := t.applied["match"]%2 == 0
	if now && t.defect == "spurious-22" {
		return failure(22)
	}
	t.values[key] = string(b.To)
	if now && t.defect == "double-cas" {
		return failure(22)
	}
	return toyBody{Type: "cas_ok"}
}

// toyOptions are those of a short test of a toy.
func toyOptions(t *testing.T, seconds float64) Options {
	t.Helper()
	o := DefaultOptions()
	bin, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	o.Bin, o.Store = bin, t.TempDir()
	o.NodeCount, o.Rate, o.TimeLimit, o.Seed = 3, 300, seconds, 7
	o.WatchLeader = watchOff
	return o
}

func run(t *testing.T, defect string, o Options) (Result, string, error) {
	t.Helper()
	o.env = []string{toyVariable + "=" + defect}
	out := &testWriter{}
	start := time.Now()
	r, err := Run(t.Context(), o, out)
	t.Logf("%s took %v:\n%s", defect, time.Since(start), out)
	return r, out.String(), err
}
