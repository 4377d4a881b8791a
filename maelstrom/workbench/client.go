package workbench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"
)

// errClientTimeout says that no reply came within the client's limit.
var errClientTimeout = errors.New("no reply within the client's limit")

// client is one client of the cluster. It numbers its requests 1, 2, 3 and
// has one outstanding at a time. One goroutine calls; any may deliver.
type client struct {
	id string
	rt *router

	mu      sync.Mutex
	lastID  int64
	waiting int64          // msg_id that call waits for, or 0
	asked   string         // whom it asked
	open    map[int64]bool // requests that nobody has answered yet
	replies chan reply     // holds the reply to waiting
}

// reply is the body of a reply.
type reply struct {
	line   []byte // the body as it came
	fields map[string]json.RawMessage
}

func newClient(rt *router, id string) *client {
	return &client{id: id, rt: rt, open: map[int64]bool{}, replies: make(chan reply, 1)}
}

// call sends the body that build makes for a msg_id and waits for the reply.
// The error is errClientTimeout or ctx's.
func (c *client) call(ctx context.Context, dest string, build func(msgID int64) []byte, limit time.Duration) (reply, error) {
	c.mu.Lock()
	c.lastID++
	id := c.lastID
	c.waiting, c.asked = id, dest
	c.open[id] = true
	c.mu.Unlock()

	timer := time.NewTimer(limit)
	defer timer.Stop()
	c.rt.sendFromClient(message{src: c.id, dest: dest, body: build(id)})
	select {
	case r := <-c.replies:
		return r, nil
	case <-timer.C:
		return c.giveUp(errClientTimeout)
	case <-ctx.Done():
		return c.giveUp(ctx.Err())
	}
}

// giveUp ends the wait, unless a reply came in at the same moment.
func (c *client) giveUp(err error) (reply, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.waiting = 0
	select {
	case r := <-c.replies:
		return r, nil
	default:
		return reply{}, err
	}
}

// deliver takes a message that node sent to this client. A reply to a request
// that was given up is discarded; anything else that is not the one reply to a
// request is a fault, which Maelstrom does not see.
func (c *client) deliver(node string, m message) *fault {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(m.body, &fields); err != nil {
		return &fault{why: "its body is not an object", asks: askBody}
	}
	id, ok := asInt(fields["in_reply_to"])
	c.mu.Lock()
	issued, open, waiting, asked := ok && id >= 1 && id <= c.lastID, c.open[id], c.waiting == id, c.asked
	delete(c.open, id)
	if open && waiting {
		c.waiting = 0
		c.replies <- reply{line: m.body, fields: fields} // has room: waiting was set
	}
	c.mu.Unlock()

	switch {
	case !ok:
		return &fault{why: fmt.Sprintf("it goes to client %s without an integer in_reply_to", c.id), asks: askReply, mild: true}
	case !issued:
		return &fault{why: fmt.Sprintf("it answers request %d of client %s, which never was", id, c.id), asks: askReply, mild: true}
	case !open:
		return &fault{why: fmt.Sprintf("it answers request %d of client %s a second time", id, c.id), asks: askReply, mild: true}
	}
	c.rt.countReply(!waiting, waiting && node != asked)
	return nil
}
