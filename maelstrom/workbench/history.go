package workbench

import (
	"encoding/json"
	"strconv"
	"sync"
	"time"
)

// outcome is how an operation ended, in Jepsen's words.
type outcome string

const (
	outcomeOK   outcome = "ok"   // it happened
	outcomeFail outcome = "fail" // it did not happen
	outcomeInfo outcome = "info" // nobody knows
)

// Codes beside those of Maelstrom's error table.
const (
	codeNone    = 0  // no error; Maelstrom's error 0 is codeZero here
	codeTimeout = -1 // no reply within the client's limit
	codeZero    = -2 // the reply's code was 0
	codeUnknown = -3 // an error reply without an integer code
	codeBadBody = -4 // a reply that is not what the request asks for
	codeStopped = -5 // the test was stopped first
)

// Codes of Maelstrom's error table that have a meaning of their own here.
const (
	codeNotFound     = 20
	codePrecondition = 22
)

// codeNames spells codes in the history and the figures.
var codeNames = map[int]string{
	codeTimeout: "net-timeout", codeZero: "timeout", codeUnknown: "unknown",
	codeBadBody: "malformed-reply", codeStopped: "test-stopped",
	1: "node-not-found", 10: "not-supported", 11: "temporarily-unavailable",
	12: "malformed-request", 13: "crash", 14: "abort", codeNotFound: "key-does-not-exist",
	21: "key-already-exists", codePrecondition: "precondition-failed", 30: "txn-conflict",
}

func codeName(code int) string {
	if name, ok := codeNames[code]; ok {
		return name
	}
	return "code-" + strconv.Itoa(code)
}

// op is one client operation from invocation to outcome. The worker that runs
// it owns it until the outcome is recorded; after that nobody changes it.
type op struct {
	Thread, Process int
	Node            string
	F               string
	Key             int
	// Value is the argument as JSON text: what to write, [from, to] of a cas,
	// null for a read.
	Value string
	// Result is what a read returned, as canonical JSON text.
	Result string

	// Final says that it is a read after the end of all faults.
	Final bool

	Outcome outcome
	Code    int
	// Invoke and Return count from the first operation; the indices give the
	// order of events, which is what the checker goes by.
	Invoke, Return           time.Duration
	InvokeIndex, ReturnIndex int
}

// served says whether the node did its job: it said yes, or gave the one
// honest answer to a request that cannot be met.
func (o *op) served() bool {
	return o.Outcome == outcomeOK || o.Code == codeNotFound || o.Code == codePrecondition
}

// phase is a stretch of time in which the same faults are in force: it starts
// At and lasts until the next phase.
type phase struct {
	At   time.Duration
	Kind string // what is in force, "" for nothing
	// Grudge is the links that do not work, those of nodes that are down
	// included.
	Grudge grudge
	// Leader is who said it led right before, or "".
	Leader string
	// Nodes lists those that a fault is aimed at, if it is aimed at nodes.
	Nodes []string
	// Down lists those that do not run.
	Down []string
	// Paused lists those that are stopped.
	Paused []string
	// Begun is the fault that began with the phase, or nil.
	Begun *episode
	// Ends says that the phase begins because a fault ended: Kind is what is
	// left.
	Ends bool
}

// event is one line of history.jsonl.
type event struct {
	Index   int             `json:"index"`
	Time    int64           `json:"time"`
	Process eventProcess    `json:"process"`
	Type    string          `json:"type"`
	F       string          `json:"f"`
	Key     *int            `json:"key,omitempty"`
	Value   json.RawMessage `json:"value"`
	Code    *int            `json:"code,omitempty"`
	Error   string          `json:"error,omitempty"`
}

// eventProcess is a process id, or nemesisProcess.
type eventProcess int

const nemesisProcess eventProcess = -1

// MarshalJSON writes the nemesis by name.
func (p eventProcess) MarshalJSON() ([]byte, error) {
	if p == nemesisProcess {
		return []byte(`"nemesis"`), nil
	}
	return strconv.AppendInt(nil, int64(p), 10), nil
}

// history records what happened. Safe for concurrent use: events get their
// time and their index under one lock, so that both have the same order.
type history struct {
	clock clock

	mu     sync.Mutex
	start  time.Duration
	events []event
	ops    []*op
	phases []phase
	admin  []*adminCall
	others int // events that are not an operation's
}

func newHistory(c clock) *history { return &history{clock: c, phases: []phase{{}}} }

// begin makes now the zero of all times.
func (h *history) begin() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.start = h.clock.now()
}

// now is the time since begin.
func (h *history) now() time.Duration { return h.clock.now() - h.start }

// moment is now for those who may come before begin, which is 0.
func (h *history) moment() time.Duration {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.start == 0 {
		return 0
	}
	return h.now()
}

// invoke records the start of an operation.
func (h *history) invoke(o *op) {
	h.mu.Lock()
	defer h.mu.Unlock()
	o.Invoke, o.InvokeIndex = h.now(), len(h.events)
	h.ops = append(h.ops, o)
	h.events = append(h.events, opEvent(o, o.InvokeIndex, o.Invoke, "invoke", o.Value))
}

// complete records the outcome of an operation, which the caller has set.
func (h *history) complete(o *op) {
	h.mu.Lock()
	defer h.mu.Unlock()
	o.Return, o.ReturnIndex = h.now(), len(h.events)
	value := o.Value
	if o.Result != "" {
		value = o.Result
	}
	e := opEvent(o, o.ReturnIndex, o.Return, string(o.Outcome), value)
	if o.Code != codeNone {
		e.Error = codeName(o.Code)
		if o.Code > 0 {
			code := o.Code
			e.Code = &code
		}
	}
	h.events = append(h.events, e)
}

func opEvent(o *op, index int, at time.Duration, kind, value string) event {
	key := o.Key
	return event{
		Index: index, Time: int64(at), Process: eventProcess(o.Process), Type: kind,
		F: o.F, Key: &key, Value: json.RawMessage(value),
	}
}

// changeNetwork applies a change of the network, the start or the end of e, and
// records it; the change takes effect between the two readings of the clock
// that bracket it.
func (h *history) changeNetwork(f string, p phase, e *episode, apply func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	apply()
	p.At = h.now()
	h.phases = append(h.phases, p)
	// Strings and maps of strings always marshal.
	value, _ := json.Marshal(struct {
		Kind   string              `json:"kind"`
		Nodes  []string            `json:"nodes,omitempty"`
		Grudge map[string][]string `json:"grudge,omitempty"`
		Leader string              `json:"leader,omitempty"`
	}{e.Kind, e.hit(), e.Grudge.lists(), p.Leader})
	h.addOther(f, p.At, value)
}

// addOther adds an event of a nemesis. The caller holds mu.
func (h *history) addOther(f string, at time.Duration, value json.RawMessage) {
	h.others++
	h.events = append(h.events, event{
		Index: len(h.events), Time: int64(at), Process: nemesisProcess, Type: "info", F: f, Value: value,
	})
}

// askMember records an admin request; questions are no events.
func (h *history) askMember(c *adminCall) {
	h.mu.Lock()
	defer h.mu.Unlock()
	c.from = h.now()
	h.admin = append(h.admin, c)
	h.memberEvent("start-", c, c.from)
}

// answerMember records what came of an admin request, which the caller has set.
func (h *history) answerMember(c *adminCall) {
	h.mu.Lock()
	defer h.mu.Unlock()
	c.to = h.now()
	h.memberEvent("stop-", c, c.to)
}

func (h *history) memberEvent(prefix string, c *adminCall, at time.Duration) {
	if !c.asksForChange() {
		return
	}
	answer := ""
	if prefix == "stop-" {
		answer = c.outcome()
	}
	// Strings and lists of strings always marshal.
	value, _ := json.Marshal(struct {
		Move string `json:"move"`
		change
		Asked         string         `json:"asked"`
		Answer        string         `json:"answer,omitempty"`
		Configuration *configuration `json:"configuration,omitempty"`
	}{c.move, c.change, c.asked, answer, c.answer})
	h.addOther(prefix+nemesisMembership, at, value)
}

// record is a finished history.
type record struct {
	events []event
	ops    []*op
	phases []phase
	admin  []*adminCall
}

// finish returns the history once all workers have ended.
func (h *history) finish() record {
	h.mu.Lock()
	defer h.mu.Unlock()
	return record{events: h.events, ops: h.ops, phases: h.phases, admin: h.admin}
}

// counts returns how many operations were invoked and how many have ended,
// for the progress line.
func (h *history) counts() (invoked, ended int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	events := len(h.events) - h.others
	return len(h.ops), events - len(h.ops)
}
