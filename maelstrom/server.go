package maelstrom

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"

	official "github.com/jepsen-io/maelstrom/demo/go"
)

// server is one node from its first line to its last. Its fields belong to the reader's goroutine, but for those that say of
// themselves that they are safe for concurrent use.
type server struct {
	opts  Options
	log   *slog.Logger
	drops *drops
	out   *output
	node  *official.Node

	member *member // nil before init
	wayIn  wayIn
	limit  clientLimit
	leaving
	errands  errands
	attempts attempts
	fatal    error // why the process has to end
	tasks    sync.WaitGroup
	stop     context.CancelFunc
	ctx      context.Context
}

// Serve runs a Maelstrom node: protocol lines from in and to out, the log to logs. It returns nil at the end of in, after every
// request that still waited has been answered, or the error with which reading failed, or the one line that says why the data directory is not to be
// used. It owns in and out meanwhile. Several nodes may
// run in one process; Serve turns the standard logger of package log off.
//
// If out does not take what is left within a second at the end, Serve returns all the same and leaves the goroutine behind that
// waits for it.
func Serve(in io.Reader, out, logs io.Writer, o Options) error {
	return ServeUntil(context.Background(), in, out, logs, o)
}

// ServeUntil is Serve, but that it also ends, with nil, soon after the context does. The node then takes leave first (leave.go); whoever still
// reads in is left behind.
func ServeUntil(ctx context.Context, in io.Reader, out, logs io.Writer, o Options) error {
	if err := o.Validate(); err != nil {
		return err
	}
	log := slog.New(newLimiter(slog.NewTextHandler(logs, &slog.HandlerOptions{Level: o.LogLevel})))
	s := &server{opts: o, log: log, drops: newDrops(log)}
	s.start(out)

	ended := make(chan error, 1)
	go func() { ended <- s.read(in) }()
	var err error
	select {
	case err = <-ended:
	case <-ctx.Done():
		s.leave()
	}
	s.stop()
	s.tasks.Wait()
	s.endErrands()
	s.out.close()
	return err
}

// start makes a server ready to take in lines.
func (s *server) start(out io.Writer) {
	s.out = newOutput(out, s.drops)
	s.node = newNode(s.out)
	s.errands.waiting, s.errands.copies, s.errands.lives = map[*errand]bool{}, map[uint64]entrusted{}, map[string]uint64{}
	s.ctx, s.stop = context.WithCancel(context.Background())
	go s.out.run()
}

// read takes in lines until there are no more.
func (s *server) read(in io.Reader) error {
	lines := newLineReader(in)
	for {
		since := time.Now()
		text, tooLong, err := lines.next()
		s.wayIn.line(since, time.Now())
		s.guard("READING", func() {
			if tooLong != nil {
				s.refuse(tooLong, errTooLong)
			} else if len(text) > 0 {
				s.take(text)
			}
		})
		if s.fatal != nil {
			return s.fatal
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("maelstrom: stdin: %w", err)
		}
	}
}

// guard keeps the process alive: one that ends aborts a Maelstrom test without any analysis.
func (s *server) guard(what string, work func()) {
	defer func() {
		if p := recover(); p != nil {
			s.log.Error("PANIC WHILE "+what, "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
		}
	}()
	work()
}

// take takes in one line.
func (s *server) take(line []byte) {
	m, err := parseMessage(line)
	if err != nil {
		if blank(line) {
			s.drops.add(slog.LevelWarn, dropBlank)
			return
		}
		g := &glimpse{}
		g.look(line)
		s.log.Debug("unreadable line", "error", err, "line", excerpt(line))
		s.refuse(g, err)
		return
	}
	switch kind := m.kind(); {
	case m.Src == "":
		s.drops.add(slog.LevelWarn, dropNoSource)
	case kind == "init":
		s.handleInit(m)
	case s.member == nil:
		// We have no name to answer under: a reply without src would silence us for good.
		s.drops.add(slog.LevelDebug, dropBeforeInit, "src", m.Src, "type", kind)
	case m.Dest != s.member.id || m.Src == s.member.id:
		s.drops.add(slog.LevelDebug, dropElsewhere, "src", m.Src, "dest", m.Dest)
	case m.body.find("in_reply_to") != nil:
		s.drops.add(slog.LevelDebug, dropReply, "src", m.Src, "type", kind) // we ask nobody anything
	case s.member.isPeer(m.Src) && isRaft(kind):
		s.wayIn.delayed()
		s.receive(m, kind)
	case s.member.isPeer(m.Src) && kind == kindProxy:
		s.handleProxy(m)
	case s.member.isPeer(m.Src) && kind == kindProxyOK:
		s.handleProxyOK(m)
	default:
		s.handleRequest(m, kind)
	}
}

// refuse answers a line that cannot be parsed, if it can be told who sent it.
func (s *server) refuse(g *glimpse, why error) {
	if s.member == nil || !g.hasMsgID || g.src == "" || g.src == s.member.id || g.dest != s.member.id {
		s.drops.add(slog.LevelWarn, dropUnreadable, "error", why)
		return
	}
	s.replyError(asker{name: g.src, msgID: g.msgID}, official.MalformedRequest, why.Error())
}

func blank(line []byte) bool {
	c := cursor{rest: line}
	return c.next() == 0
}
