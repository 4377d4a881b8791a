package workbench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
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

	cfg    clusterConfig
	ctx    context.Context
	cancel context.CancelFunc

	mu    sync.Mutex
	procs map[string]*process // the latest of each node
}

// clusterConfig is what startCluster needs.
type clusterConfig struct {
	opts   Options
	nodes  []string
	clock  clock
	launch launcher
	sleep  sleeper
	logDir string
	// dataDir holds the nodes' data directories, if they have any.
	dataDir string
	run     string    // its name
	stderr  io.Writer // receives nodes' stderr, or nil
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
		nodes: cfg.nodes, fail: cfg.fail, note: cfg.note, warn: cfg.warn, cfg: cfg,
		router: newRouter(cfg.clock, cfg.opts, cfg.sleep), procs: map[string]*process{},
	}
	c.router.journal = cfg.journal
	c.ctx, c.cancel = context.WithCancel(ctx)
	for _, id := range c.nodes {
		c.router.addNode(id)
	}
	errs := make([]error, len(c.nodes))
	var wg sync.WaitGroup
	for i, id := range c.nodes {
		wg.Go(func() {
			errs[i] = c.startNode(id)
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

// startNode starts the process of a node that has none, and what serves it.
func (c *cluster) startNode(id string) error {
	opts, err := c.nodeOptions(id)
	if err != nil {
		return err
	}
	p, err := startProcess(c.ctx, c.cfg.launch, id, opts, filepath.Join(c.cfg.logDir, id+".log"))
	if err != nil {
		return err
	}
	c.mu.Lock()
	c.procs[id] = p
	c.mu.Unlock()
	p.servants.Go(func() { c.router.feed(p.ctx, id, c.router.inbox(id), p.stdin) })
	p.servants.Go(func() { p.readStderr(c.cfg.stderr) })
	p.servants.Go(func() { c.readNode(p) })
	p.servants.Go(func() { p.watch(c.fail) })
	p.servants.Go(func() { c.weigh(p) })
	return nil
}

// nodeOptions are the test's, with the name of the run and a data directory of
// the node's own if the user has named the flags for them.
func (c *cluster) nodeOptions(id string) (Options, error) {
	opts := c.cfg.opts
	if opts.RunFlag != "" {
		opts.NodeArgs = append(slices.Clone(opts.NodeArgs), opts.RunFlag, c.cfg.run)
	}
	if opts.DataFlag == "" {
		return opts, nil
	}
	dir, err := filepath.Abs(filepath.Join(c.cfg.dataDir, id)) // nodes run in a directory of their own
	if err != nil {
		return opts, err
	}
	opts.NodeArgs = append(slices.Clone(opts.NodeArgs), opts.DataFlag, dir)
	return opts, os.MkdirAll(dir, 0o755)
}

// kill ends a node as a power cut would, if it is running.
func (c *cluster) kill(id string) { c.process(id).stop() }

// restart starts a node again after a kill. Whatever it needs to know from
// before it must find on its disk.
func (c *cluster) restart(id string) error { return c.startNode(id) }

// pause stops a node without its noticing, or lets it go on.
func (c *cluster) pause(id string, paused bool) {
	if p := c.process(id); p.ctx.Err() == nil {
		p.pause(paused)
	}
}

func (c *cluster) process(id string) *process {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.procs[id]
}

// weigh looks at a node's memory until it ends.
func (c *cluster) weigh(p *process) {
	limit := int64(c.cfg.opts.MaxRSS) << 20
	for limit > 0 && coarseSleep(p.ctx, weighPeriod) {
		if rss := p.memory(); rss > limit {
			c.judge(p.ctx, (&fault{
				why:  fmt.Sprintf("it uses %d MiB of memory, more than --max-rss %d", rss>>20, c.cfg.opts.MaxRSS),
				asks: "a node that can run for long keeps its memory bounded", mild: true,
			}).by(p.id, nil), true)
			return
		}
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
		m, f := parseLine(line, c.cfg.opts.MaelstromQuirks)
		if f == nil {
			f = c.router.sendFromNode(p.id, m)
		}
		if f != nil {
			silenced = c.cfg.opts.MaelstromQuirks && !f.mild
			c.judge(p.ctx, f.by(p.id, line), f.mild)
		}
	})
	t := time.NewTimer(crashDrainLimit)
	defer t.Stop()
	select {
	case <-p.exited:
	case <-p.ctx.Done():
	case <-t.C:
		c.judge(p.ctx, (&fault{why: "it closed its stdout and went on running", asks: askLine}).by(p.id, nil), false)
	}
}

// judge reacts to a violation: the strict form fails the test, quirks warn.
// What comes after the end of ctx is nobody's fault: the node was killed.
func (c *cluster) judge(ctx context.Context, v *Violation, mild bool) {
	if ctx.Err() != nil {
		return
	}
	c.note(v)
	switch {
	case !c.cfg.opts.MaelstromQuirks:
		c.fail(v)
	case !mild:
		c.warn("WARN node " + v.Node + " is silenced from here on, as in Maelstrom: " + v.Error())
	}
}

// setWeather changes what is in force of faults.
func (c *cluster) setWeather(w weather) { c.router.setWeather(w) }

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
	lines := c.process(id).tail.lines()
	if len(lines) == 0 {
		return ""
	}
	return "; its last stderr lines:\n  " + strings.Join(lines, "\n  ")
}

// stop kills all nodes and waits for every goroutine of the cluster.
func (c *cluster) stop() {
	c.cancel()
	for _, id := range c.nodes {
		if p := c.process(id); p != nil {
			p.stop()
		}
	}
	c.router.abandon()
}
