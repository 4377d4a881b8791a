package raft

// Witnesses vote, and keep of the log what voting takes: terms, and configurations. They have no commands and no state; so they never lead and never
// serve, and their copy of an entry is worth less than others'. It counts only where a voter that has the state cannot be reached; the argument, and what
// it costs, is in DIVERGENCE.md.
//
// What an entry is at a witness is decided by the configuration at its place in the log: behind the one that made the node a witness, no-ops
// stand in the place of commands. That is so once this configuration is committed, and never changes again; for a node that was a witness comes back only
// as one (Configuration.after).

// witnessed says whether the copies that witnesses have count: some voter that has the state has not answered for the longest election time-out.
func (c *core[C]) witnessed(l *leader[C]) bool {
	for _, p := range l.peers {
		if c.config().electable(p.id) && !c.reachable(p) {
			return true
		}
	}
	return false
}

// entriesFor returns entries as a peer gets them.
func (c *core[C]) entriesFor(p *progress, from, to Index) []Entry[C] {
	entries := c.log.slice(from, to)
	if !c.config().Witness(p.id) {
		return entries
	}
	var stripped []Entry[C]
	for _, e := range entries {
		if c.log.configAt(min(e.Index, c.commit)).Witness(p.id) {
			e = Entry[C]{Index: e.Index, Term: e.Term, Config: e.Config}
		}
		stripped = append(stripped, e)
	}
	return stripped
}

// snapshotFor returns the snapshot that a peer gets.
func (c *core[C]) snapshotFor(p *progress) Snapshot {
	s := c.snapshot
	if s.Configuration.Witness(p.id) {
		s.State = nil
	}
	return s
}

// stateless is a snapshot of what has been applied, without the state.
func (c *core[C]) stateless() Snapshot {
	return Snapshot{Index: c.applied, Term: c.appliedTerm, Configuration: *c.log.configAt(c.applied)}
}
