package workbench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"sync"
	"time"
)

// cluster is a set of running nodes and the network between them. Everything
// it starts ends with stop.
type cluster struct {
	nodes  []string
	router *router
	fail   func(error)      // called with a *CrashError or a *Violation; the first one counts
	note   func(*Violation) // takes down a violation, whatever comes of it
	warn   func(string)     // tells the user something that does not end the test

	quirks bool
	ctx    context.Context
	cancel context.CancelFunc
	mu     sync.Mutex
	procs  []*process
	wg     sync.WaitGroup
}

// clusterConfig is what startCluster needs.
type clusterConfig struct {
	opts   Options
	nodes  []string
	clock  clock
	logDir string
	stderr io.Writer // receives nodes' stderr, or nil
	// journal takes down every message, or is nil.
	journal *journal
	fail    func(error)
	note    func(*Violation)
	warn    func(string)
}

// startCluster starts all nodes in parallel and initialises them. On an error
// nothing is left running.
func startCluster(ctx context.Context, cfg clusterConfig) (*cluster, error) {
	c := &cluster{
		nodes: cfg.nodes, fail: cfg.fail, note: cfg.note, warn: cfg.warn, quirks: cfg.opts.MaelstromQuirks,
		router: newRouter(cfg.clock, cfg.opts, preciseSleep),
	}
	c.router.journal = cfg.journal
	c.ctx, c.cancel = context.WithCancel(ctx)
	inboxes := make([]*inbox, len(c.nodes))
	for i, id := range c.nodes {
		inboxes[i] = c.router.addNode(id)
	}
	errs := make([]error, len(c.nodes))
	var wg sync.WaitGroup
	for i, id := range c.nodes {
		wg.Go(func() {
			errs[i] = c.startNode(id, inboxes[i], cfg)
			if errs[i] == nil {
				errs[i] = c.initNode(c.ctx, id)
			}
		})
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		c.stop()
		return nil, err
	}
	return c, nil
}

func (c *cluster) startNode(id string, ib *inbox, cfg clusterConfig) error {
	p, err := startProcess(id, cfg.opts, filepath.Join(cfg.logDir, id+".log"))
	if err != nil {
		return err
	}
	c.mu.Lock()
	c.procs = append(c.procs, p)
	c.mu.Unlock()
	c.wg.Go(func() { c.router.feed(c.ctx, id, ib, p.stdin) })
	c.wg.Go(func() { p.readStderr(cfg.stderr) })
	c.wg.Go(func() { c.readNode(p) })
	c.wg.Go(func() { p.watch(c.ctx, c.report) })
	return nil
}

// report passes a failure on unless the cluster is being stopped anyway.
func (c *cluster) report(err error) {
	if c.ctx.Err() == nil {
		c.fail(err)
	}
}

// readNode judges and carries what a node prints.
func (c *cluster) readNode(p *process) {
	silenced := false
	p.readStdout(func(line []byte) {
		if silenced {
			c.router.countSilenced()
			return
		}
		m, f := parseLine(line, c.quirks)
		if f == nil {
			f = c.router.sendFromNode(p.id, m)
		}
		if f != nil {
			silenced = c.quirks && !f.mild
			c.judge(f.by(p.id, line), f.mild)
		}
	})
	t := time.NewTimer(crashDrainLimit)
	defer t.Stop()
	select {
	case <-p.exited:
	case <-c.ctx.Done():
	case <-t.C:
		c.judge((&fault{why: "it closed its stdout and went on running", asks: askLine}).by(p.id, nil), false)
	}
}

// judge reacts to a violation: the strict form fails the test, quirks warn.
func (c *cluster) judge(v *Violation, mild bool) {
	if c.ctx.Err() != nil {
		return // a line cut short by the kill is nobody's fault
	}
	c.note(v)
	switch {
	case !c.quirks:
		c.fail(v)
	case !mild:
		c.warn("WARN node " + v.Node + " is silenced from here on, as in Maelstrom: " + v.Error())
	}
}

// initNode runs the init exchange with a client of its own.
func (c *cluster) initNode(ctx context.Context, id string) error {
	client := c.router.addClient()
	defer c.router.closeClient(client)
	r, err := client.call(ctx, id, func(msgID int64) []byte {
		// A struct of strings always marshals.
		body, _ := json.Marshal(struct {
			Type    string   `json:"type"`
			NodeID  string   `json:"node_id"`
			NodeIDs []string `json:"node_ids"`
			MsgID   int64    `json:"msg_id"`
		}{"init", id, c.nodes, msgID})
		return body
	}, initLimit)
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case err != nil:
		return fmt.Errorf("node %s did not answer init within %v%s", id, initLimit, c.tailOf(id))
	}
	if kind, _ := asString(r.fields["type"]); kind != "init_ok" {
		return fmt.Errorf(`node %s answered init with %s instead of "init_ok"%s`, id, excerpt(r.line), c.tailOf(id))
	}
	return nil
}

// tailOf shows the last stderr lines of a node, if there are any.
func (c *cluster) tailOf(id string) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, p := range c.procs {
		if lines := p.tail.lines(); p.id == id && len(lines) > 0 {
			text := "; its last stderr lines:"
			for _, line := range lines {
				text += "\n  " + line
			}
			return text
		}
	}
	return ""
}

// stop kills all nodes and waits for every goroutine of the cluster.
func (c *cluster) stop() {
	c.cancel()
	c.mu.Lock()
	procs := c.procs
	c.mu.Unlock()
	for _, p := range procs {
		p.stop()
	}
	c.wg.Wait()
	c.router.abandon()
}

// nodeNames returns n0, n1 and so on.
func nodeNames(n int) []string {
	names := make([]string, n)
	for i := range names {
		names[i] = fmt.Sprintf("n%d", i)
	}
	return names
}
