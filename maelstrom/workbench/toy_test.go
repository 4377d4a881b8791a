package workbench

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"go.uber.org/goleak"
)

// toyVariable makes the test binary a node: its value names a defect.
const toyVariable = "WORKBENCH_TOY"

func TestMain(m *testing.M) {
	if defect, ok := os.LookupEnv(toyVariable); ok {
		os.Exit(runToy(defect, os.Args, newGate(), os.Stdin, os.Stdout, os.Stderr))
	}
	if mark, ok := os.LookupEnv(benchVariable); ok {
		os.Exit(runBench(mark))
	}
	goleak.VerifyTestMain(m)
}

// toyData is the flag by which a toy is told where to keep its values.
const toyData = "--data"

// benchVariable makes the test binary a bench that tests three toys for ten minutes: its value is an argument for them, by which they can be
// told from other processes.
const benchVariable = "WORKBENCH_BENCH"

func runBench(mark string) int {
	o := DefaultOptions()
	o.Bin, o.NodeCount, o.TimeLimit, o.Quiet, o.WatchLeader = os.Args[0], 3, 600, true, watchOff
	o.Store, o.NodeArgs, o.env = os.TempDir(), []string{mark}, []string{toyVariable + "=none"}
	r, err := Run(context.Background(), o, os.Stdout)
	if err != nil {
		return ExitCrashed
	}
	return r.ExitCode()
}

// toyMemory is how many replies to one node a toy remembers.
const toyMemory = 64

// toy is a small node. The first node keeps the values, the others pass
// requests on to it. That is linearizable, if not available.
type toy struct {
	defect  string
	gate    *gate
	out     io.WriteCloser
	errs    io.Writer
	ended   bool // it has asked for its own end
	status  int  // its exit status then
	id      string
	nodes   []string
	values  map[string]string
	copies  map[string]string // what this node saw last, for local reads
	waiting map[int]toyMessage
	lastID  int
	served  int                // requests from clients
	applied map[string]int     // requests carried out, by type
	passed  map[string]toyBody // replies to what others have passed on, for copies of that
	data    string             // the file that holds values and passed, if there is one
	members toyMembers
	hoard   [][]byte
}

// toyState is what a toy keeps on disk.
type toyState struct {
	Values  map[string]string
	Passed  map[string]toyBody
	LastID  int
	Members toyMembers
}

// load reads what an earlier life has left behind.
func (t *toy) load(args []string) {
	i := slices.Index(args, toyData)
	if i < 0 {
		return
	}
	t.data = filepath.Join(args[i+1], "state")
	if text, err := os.ReadFile(t.data); err == nil {
		var s toyState
		if err := json.Unmarshal(text, &s); err != nil {
			fmt.Fprintln(t.errs, "bad state", err)
		}
		t.values, t.passed, t.lastID, t.members = s.Values, s.Passed, s.LastID, s.Members
	}
}

// save leaves everything for a next life, in one step.
func (t *toy) save() {
	if t.data == "" {
		return
	}
	text, _ := json.Marshal(toyState{t.values, t.passed, t.lastID, t.members})
	err := os.WriteFile(t.data+".new", text, 0o644)
	if err == nil {
		err = os.Rename(t.data+".new", t.data)
	}
	if err != nil {
		t.exit(4, err.Error())
	}
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
	Echo      string          `json:"echo,omitempty"`
	Extra     string          `json:"extra,omitempty"`
	Request   *toyBody        `json:"request,omitempty"`
	Role      string          `json:"role,omitempty"`
	Term      *int            `json:"term,omitempty"`
	Node      string          `json:"node,omitempty"`
	Voters    []string        `json:"voters,omitempty"`
	Now       *configuration  `json:"configuration,omitempty"`
}

// runToy is a toy's whole life: until the end of in, or until it ends itself.
func runToy(defect string, args []string, g *gate, in io.Reader, out io.WriteCloser, errs io.Writer) int {
	t := &toy{
		defect: defect, gate: g, out: out, errs: errs,
		values: map[string]string{}, copies: map[string]string{}, waiting: map[int]toyMessage{}, applied: map[string]int{},
		passed: map[string]toyBody{},
	}
	t.load(args)
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, 1<<20)
	for !t.ended && lines.Scan() {
		t.gate.pass()
		var m toyMessage
		if err := json.Unmarshal(lines.Bytes(), &m); err != nil {
			fmt.Fprintln(errs, "bad line", err)
			continue
		}
		t.handle(m)
	}
	return t.status
}

func (t *toy) exit(status int, lastWords string) {
	fmt.Fprintln(t.errs, lastWords)
	t.ended, t.status = true, status
}

func (t *toy) send(src, dest string, body toyBody) {
	line, _ := json.Marshal(toyMessage{src, dest, body})
	fmt.Fprintln(t.out, string(line))
}

func (t *toy) handle(m toyMessage) {
	b := m.Body
	if t.nodes == nil && b.Type != "init" {
		return // just started, and not initialised yet
	}
	switch b.Type {
	case "init":
		if t.defect == "no-init" {
			t.exit(3, "I refuse")
			return
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
		name := fmt.Sprint(m.Src, *b.MsgID)
		reply, known := t.passed[name]
		if !known || t.defect == "double-apply" {
			reply = t.apply(*b.Request)
			reply.InReplyTo = b.Request.MsgID
			t.passed[name] = reply
			delete(t.passed, fmt.Sprint(m.Src, *b.MsgID-toyMemory))
			t.save()
		}
		t.send(t.id, m.Src, toyBody{Type: "passed", InReplyTo: b.MsgID, Request: &reply})
	case "passed":
		first, waits := t.waiting[*b.InReplyTo]
		if !waits {
			return // a copy, or the answer to a question of an earlier life
		}
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
	if m.Body.Type == fEcho {
		t.echo(m)
		return
	}
	if t.id != t.nodes[0] {
		if v, ok := t.copies[string(m.Body.Key)]; ok && t.defect == "local-read" && m.Body.Type == "read" && t.served%3 != 0 {
			t.send(t.id, m.Src, toyBody{Type: "read_ok", InReplyTo: m.Body.MsgID, Value: json.RawMessage(v)})
			return
		}
		t.lastID++
		t.save() // an id is never used again
		id := t.lastID
		t.waiting[id] = m
		t.send(t.id, t.nodes[0], toyBody{Type: "pass", MsgID: &id, Request: &m.Body})
		return
	}
	reply := t.apply(m.Body)
	reply.InReplyTo = m.Body.MsgID
	t.save()
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
		fmt.Fprintln(t.out, "oops, a debug line")
	case t.defect == "unknown-dest" && tenth:
		t.send(t.id, "n99", toyBody{Type: "hello"})
	case t.defect == "exit-0" && late:
		t.exit(0, "my last words")
		return true
	case t.defect == "spoof" && t.id != t.nodes[0]:
		t.send(m.Src, t.nodes[0], m.Body)
		return true
	case t.defect == "close-stdout" && late:
		_ = t.out.Close()
	case t.defect == "hog":
		t.hoard = append(t.hoard, bytes.Repeat([]byte{1}, 8<<20))
	}
	return t.defect == "mute" || (t.defect == "hang" && late && last)
}

func (t *toy) echo(m toyMessage) {
	reply := toyBody{Type: "echo_ok", InReplyTo: m.Body.MsgID, Echo: m.Body.Echo}
	if t.defect == "mumble" && t.served%4 == 0 {
		reply.Echo = "mumble"
	}
	if t.defect == "extra-field" {
		reply.Extra = "x"
	}
	t.send(t.id, m.Src, reply)
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
	return t.administer(b)
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
