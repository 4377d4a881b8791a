package sim_test

import (
	"fmt"
	"time"

	"maelraft/raft"
	"maelraft/raft/sim"
)

// A cluster that loses its leader, on virtual time: the others elect a new one, and the old one comes back as a follower.
func Example() {
	c := sim.New(42, 3, raft.Config[op]{FirstElection: 150 * time.Millisecond}, newRegisters)
	c.Network = sim.Network{Latency: 10 * time.Millisecond}
	write := func(at raft.NodeID, value int) {
		done := false
		c.Propose(at, op{id: value, kind: "write", to: value}, time.Second, func(o raft.Outcome[result]) {
			done = o.Err == nil
		})
		c.RunUntil(time.Second, func() bool { return done })
		fmt.Printf("%s accepted %d: %v\n", at, value, done)
	}
	read := func(at raft.NodeID) {
		c.Read(at, op{kind: "read"}, time.Second, func(o raft.Outcome[result]) { fmt.Printf("%s reads %d\n", at, o.Result.value) })
		_ = c.Run(time.Second)
	}

	write("n2", 7)
	read("n3")
	fmt.Println("leader:", c.Leader(), "in term", c.Node(c.Leader()).Status().Term)

	c.Crash("n1")
	write("n3", 8)
	fmt.Println("n1 still leads:", c.Leader() == "n1")

	c.Restart("n1")
	_ = c.Run(time.Second)
	read("n1")
	fmt.Println("violations:", c.Err())
	// Output:
	// n2 accepted 7: true
	// n3 reads 7
	// leader: n1 in term 1
	// n3 accepted 8: true
	// n1 still leads: false
	// n1 reads 8
	// violations: <nil>
}
