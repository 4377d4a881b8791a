package session

import (
	"errors"
	"fmt"
	"slices"

	"maelraft/raft"
)

// State is all that a Machine remembers, apart from the wrapped machine's state. A snapshot needs both. It is a plain
// value for any encoder, and machines that applied the same log have the same State.
type State[R any] struct {
	// Evicted is the highest log index at which a client that is now forgotten executed a command.
	Evicted raft.Index `json:"evicted"`
	// Clients are in ascending order of Last.
	Clients []Client[R] `json:"clients"`
}

// Client is what is remembered of one client.
type Client[R any] struct {
	Name string `json:"client"`
	// Since is State.Evicted when the record was made. An unknown command with a Seen below it may have been executed before.
	Since raft.Index `json:"since"`
	// Floor is one above the highest id whose answer was dropped from the window, or 0. An id below it may have been
	// executed before.
	Floor uint64 `json:"floor"`
	// Last is the log index at which this client last executed a command. No two clients share it.
	Last raft.Index `json:"last"`
	// Answers are in ascending order of ID, never empty, and all ids are at least Floor.
	Answers []Answer[R] `json:"answers"`
}

// Answer is the remembered result of one command.
type Answer[R any] struct {
	ID     uint64 `json:"id"`
	Digest uint64 `json:"digest"` // of the command
	Result R      `json:"result"`
}

// State returns a copy of what the machine remembers. Results are copied by assignment.
func (m *Machine[C, R]) State() State[R] {
	s := State[R]{Evicted: m.evicted, Clients: make([]Client[R], 0, m.byLast.Len())}
	for e := m.byLast.Front(); e != nil; e = e.Next() {
		client := m.clients.get(e.Value.(string)).Client
		client.Answers = slices.Clone(client.Answers)
		s.Clients = append(s.Clients, client)
	}
	return s
}

// SetState replaces what the machine remembers by a copy of s, which State returned on a machine with the same limits. Anything else
// is refused with an error as far as it can be told, and the machine then stays as it was. The wrapped machine's state is the caller's
// to restore.
func (m *Machine[C, R]) SetState(s State[R]) error {
	if err := s.check(m.limits); err != nil {
		return err
	}
	m.reset()
	m.evicted = s.Evicted
	for _, client := range s.Clients {
		client.Answers = slices.Clone(client.Answers)
		m.clients.set(&record[R]{Client: client, place: m.byLast.PushBack(client.Name)})
	}
	return nil
}

// check executes the invariants that stand beside the fields.
func (s State[R]) check(limits Limits) error {
	if len(s.Clients) > limits.Clients {
		return fmt.Errorf("session: state of %d clients, limit %d", len(s.Clients), limits.Clients)
	}
	names := make(map[string]bool, len(s.Clients))
	before := s.Evicted
	for _, c := range s.Clients {
		if err := c.check(limits); err != nil {
			return fmt.Errorf("session: state of client %q: %w", c.Name, err)
		}
		if names[c.Name] || c.Last <= before || c.Since > s.Evicted {
			return fmt.Errorf("session: state of client %q: out of order", c.Name)
		}
		names[c.Name], before = true, c.Last
	}
	return nil
}

// check is State.check for one client.
func (c *Client[R]) check(limits Limits) error {
	if n := len(c.Answers); n == 0 || n > limits.AnswersPerClient {
		return fmt.Errorf("%d answers, limit %d", n, limits.AnswersPerClient)
	}
	for i, a := range c.Answers {
		if a.ID < c.Floor || (i > 0 && a.ID <= c.Answers[i-1].ID) {
			return errors.New("answers out of order")
		}
	}
	return nil
}
