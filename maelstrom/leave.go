package maelstrom

import (
	"sync"
	"time"

	official "github.com/jepsen-io/maelstrom/demo/go"

	"maelraft/raft"
)

// leaving is how a node takes leave before its process ends. Its members are safe for concurrent use: the reader goes on meanwhile, for what
// peers say is needed to the end.
type leaving struct {
	mu      sync.Mutex
	asked   bool           // no request is taken any more
	present *member        // nil before init
	pending sync.WaitGroup // requests that have been taken and not answered
}

// begin notes that a request is taken, which answered ends. It is not ok if the node is leaving.
func (l *leaving) begin() (ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.asked {
		l.pending.Add(1)
	}
	return !l.asked
}

// takes begins a request, or tells who asks that it comes too late.
func (s *server) takes(who asker) bool {
	ok := s.begin()
	if !ok {
		s.replyError(who, official.TemporarilyUnavailable, "not executed: this node is about to end")
	}
	return ok
}

func (l *leaving) answered() { l.pending.Done() }

// arrive starts the node's loop, unless the process is about to end.
func (s *server) arrive(m *member, loop func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.asked {
		s.present = m
		s.tasks.Go(loop)
	}
}

// leave has another node lead if this one does, and waits until those that wait here are answered. Neither takes for ever: what has no answer when the
// time is over gets one when the core's loop ends.
func (s *server) leave() {
	s.mu.Lock()
	s.asked = true
	m := s.present
	s.mu.Unlock()
	if m == nil {
		return
	}
	limit := time.NewTimer(leaveLimit)
	defer limit.Stop()
	if status := m.core.Status(); status.Role == raft.Leader && len(m.peers) > 0 {
		over := make(chan error, 1)
		m.driver.TransferLeadership("", min(2*status.ElectionTimeout, leaveLimit), func(o outcome) { over <- o.Err })
		select {
		case err := <-over:
			s.log.Info("left the lead to another node", "error", err)
		case <-limit.C:
			return
		}
	}
	served := make(chan struct{})
	go func() { s.pending.Wait(); close(served) }()
	select {
	case <-served:
	case <-limit.C:
	}
}
