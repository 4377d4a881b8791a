package oracle

import "maelraft/raft"

// IsQuorum says whether a set of nodes is more than half of the voters, of either half if the configuration is joint (§6).
func IsQuorum(g *raft.Configuration, in func(raft.NodeID) bool) bool {
	return moreThanHalf(g.Voters, in) && (len(g.Outgoing) == 0 || moreThanHalf(g.Outgoing, in))
}

func moreThanHalf(voters []raft.NodeID, in func(raft.NodeID) bool) bool {
	n := 0
	for _, id := range voters {
		if in(id) {
			n++
		}
	}
	return 2*n > len(voters)
}
