package session

import (
	"cmp"
	"container/list"
	"fmt"
	"slices"

	"maelraft/raft"
)

// Inner is the state machine to be wrapped: raft.StateMachine without the index, so that it needs to know nothing of Raft. It must
// be deterministic, and it is called one call at a time.
type Inner[C, R any] interface {
	// Apply executes a command.
	Apply(command C) R
	// Query answers a command without changing the state.
	Query(command C) R
	// Snapshot returns the whole state. Equal states give equal bytes.
	Snapshot() []byte
	// Restore replaces the state by one that Snapshot returned, or refuses it and changes nothing. It does not keep the bytes.
	Restore(state []byte) error
	// A machine may also be a raft.Capturer.
}

// Command is a command together with the name of the request that it came from.
type Command[C any] struct {
	// Client names the client, and ID the request among the client's. A client must not use an id for two requests, and must not
	// start over under the same name. Ids should grow; they may have gaps and may arrive in any order within a window.
	Client string `json:"client"`
	ID     uint64 `json:"id"`
	// Seen is the log index that the node had applied when the request arrived there first. It stays the same in all copies.
	Seen raft.Index `json:"seen"`
	// Op is for the wrapped machine.
	Op C `json:"do"`
}

// Status says what Result.Result is worth.
type Status string

// All that can become of a command.
const (
	// Executed: Result is the answer, fresh or remembered.
	Executed Status = "executed"
	// Forgotten: not executed now, because it may have been executed earlier and its answer forgotten. Its fate is unknown.
	Forgotten Status = "forgotten"
	// Reused: not executed, because the client's id belongs to another command, which was executed.
	Reused Status = "reused"
)

// Result is the answer to a Command.
type Result[R any] struct {
	Status Status `json:"status"`
	// Result is zero unless Status is Executed.
	Result R `json:"result"`
}

// Default limits. A client with more than a few requests in flight is rare, and so are requests that are overtaken by dozens of
// the same client.
const (
	DefaultClients          = 4096
	DefaultAnswersPerClient = 64
)

// Limits bounds what is remembered. They decide what is forgotten and so belong to the replicated state: they must be the same on
// every node and must stay the same as long as the log is kept.
type Limits struct {
	// Clients is the number of clients remembered, at least 1; 0 stands for DefaultClients.
	Clients int
	// AnswersPerClient is the number of answers remembered for each, at least 1; 0 stands for DefaultAnswersPerClient.
	AnswersPerClient int
}

// Machine wraps a state machine with sessions. It implements raft.StateMachine and is, like it, called one call at a time.
// Apply takes constant time on top of the wrapped machine's if the client's ids grow, and at worst AnswersPerClient moves.
type Machine[C any, R comparable] struct {
	inner  Inner[C, R]
	digest func(C) uint64
	limits Limits

	// evicted is the highest log index at which a client that is now forgotten executed a command. It is below every Last in clients.
	evicted raft.Index
	// clients holds the records by name, byLast the names in ascending order of the records' Last. No more than limits.Clients.
	clients *table[R]
	byLast  *list.List
}

// record is what a machine has of a client.
type record[R any] struct {
	Client[R]
	place *list.Element // in byLast
	age   uint64        // see table
}

var _ raft.StateMachine[Command[int], Result[int]] = (*Machine[int, int])(nil)

// New wraps inner, which from then on belongs to the machine. The digest tells whether two commands under the same id are the same; it must
// be deterministic across processes. If it is nil then the id alone is trusted, and nothing is ever Reused. The only
// error is a negative limit.
func New[C any, R comparable](inner Inner[C, R], digest func(C) uint64, limits Limits) (*Machine[C, R], error) {
	limits.Clients = cmp.Or(limits.Clients, DefaultClients)
	limits.AnswersPerClient = cmp.Or(limits.AnswersPerClient, DefaultAnswersPerClient)
	if limits.Clients < 0 || limits.AnswersPerClient < 0 {
		return nil, fmt.Errorf("session: negative limit in %+v", limits)
	}
	if digest == nil {
		digest = func(C) uint64 { return 0 }
	}
	m := &Machine[C, R]{inner: inner, digest: digest, limits: limits}
	m.reset()
	return m, nil
}

// reset forgets everything.
func (m *Machine[C, R]) reset() {
	m.evicted, m.clients, m.byLast = 0, newTable[R](), list.New()
}

// Apply implements raft.StateMachine: it executes the command, unless it was executed before or may have been. The package
// comment explains the rule.
func (m *Machine[C, R]) Apply(index raft.Index, c Command[C]) Result[R] {
	client := m.client(c.Client)
	if past, is := m.past(client, c); is {
		return past
	}
	result := m.inner.Apply(c.Op)
	own := m.use(c.Client)
	own.remember(Answer[R]{ID: c.ID, Digest: m.digest(c.Op), Result: result}, m.limits.AnswersPerClient)
	own.Last = index
	m.evict()
	return Result[R]{Status: Executed, Result: result}
}

// past returns the answer to a command that is not executed any more, because it was executed before or may have been.
func (m *Machine[C, R]) past(client *Client[R], c Command[C]) (answer Result[R], is bool) {
	if at, found := client.find(c.ID); found {
		if answer := client.Answers[at]; answer.Digest == m.digest(c.Op) {
			return Result[R]{Status: Executed, Result: answer.Result}, true
		}
		return Result[R]{Status: Reused}, true
	}
	if c.ID < client.Floor || c.Seen < client.Since {
		return Result[R]{Status: Forgotten}, true
	}
	return Result[R]{}, false
}

// Settle implements raft.Conditional. A command that was executed gets its answer; one that was not, and would change nothing in a wrapped
// machine with a Settle of its own, gets that one's, which is not remembered: nothing was executed.
func (m *Machine[C, R]) Settle(c Command[C]) (result Result[R], settled bool) {
	if past, is := m.past(m.client(c.Client), c); is {
		return past, true
	}
	if inner, ok := m.inner.(raft.Conditional[C, R]); ok {
		result.Status = Executed
		result.Result, settled = inner.Settle(c.Op)
	}
	return result, settled
}

// Query implements raft.StateMachine. Queries are not remembered: to execute one twice does no harm.
func (m *Machine[C, R]) Query(c Command[C]) Result[R] {
	return Result[R]{Status: Executed, Result: m.inner.Query(c.Op)}
}

// Len is the number of clients remembered, never more than Limits.Clients.
func (m *Machine[C, R]) Len() int { return m.byLast.Len() }

// client returns what is remembered of a client, not to be changed.
func (m *Machine[C, R]) client(name string) *Client[R] {
	if r := m.clients.get(name); r != nil {
		return &r.Client
	}
	return &Client[R]{Name: name, Since: m.evicted}
}

// use makes a client, known or new, the last one to be evicted, and returns its record to be changed.
func (m *Machine[C, R]) use(name string) *record[R] {
	if r := m.clients.own(name); r != nil {
		m.byLast.MoveToBack(r.place)
		return r
	}
	r := &record[R]{Client: Client[R]{Name: name, Since: m.evicted}, place: m.byLast.PushBack(name)}
	m.clients.set(r)
	return r
}

// evict forgets the client that executed nothing for longest, if there is one too many.
func (m *Machine[C, R]) evict() {
	if m.byLast.Len() > m.limits.Clients {
		name := m.byLast.Remove(m.byLast.Front()).(string)
		m.evicted = m.clients.get(name).Last
		m.clients.remove(name)
	}
}

// find returns where an id stands among the answers, or where it would.
func (c *Client[R]) find(id uint64) (at int, found bool) {
	if n := len(c.Answers); n == 0 || c.Answers[n-1].ID < id {
		return n, false // the usual case: ids grow
	}
	return slices.BinarySearchFunc(c.Answers, id, func(a Answer[R], id uint64) int { return cmp.Compare(a.ID, id) })
}

// remember adds an answer. If the window is full it forgets the one with the lowest id, which may be the very one added: to
// forget the oldest instead would raise Floor above ids that are still to come.
func (c *Client[R]) remember(a Answer[R], limit int) {
	at, _ := c.find(a.ID)
	c.Answers = slices.Insert(c.Answers, at, a)
	if len(c.Answers) > limit {
		c.Floor = c.Answers[0].ID + 1 // no overflow: there is a higher id in the window
		c.Answers = slices.Delete(c.Answers, 0, 1)
	}
}
