// Package maelstrom makes a Raft node of package raft, with the state machine of package kv, a node of Maelstrom, Jepsen's workbench for
// distributed systems: it serves the workload lin-kv over lines of JSON on stdin and stdout. It is an adapter: it translates, and decides
// nothing about consensus.
//
// It may import raft and what lies below it, kv, and the official Go client library, whose node, message and error types
// carry the protocol. Nothing below may import it.
//
// A line's way through the files, which is also the order to read them in:
//
//	server.go      Serve: one reader, one core loop, one writer; what becomes of a line
//	lines.go       lines of any length in, one at a time
//	message.go     a line becomes a message, or is refused; object.go is the JSON access beneath it
//	glimpse.go     who asked, if the line itself is beyond reading
//	join.go        init: the moment at which there is a node
//	disk.go        what the node keeps in its data directory, if it has one
//	peers.go       Raft messages in and out, and the silence after the start
//	overlay.go     ways around cut links
//	wire.go        the JSON of each Raft message; wire_decode.go is the way back
//	requests.go    what clients ask for, and read, write, cas and status
//	patience.go    how long a request may wait
//	copies.go      copies of a cas that a client sends
//	transfer.go    transfer: another node is to lead
//	admin.go       who belongs to the cluster, and is to
//	proxy.go       what a node that does not serve makes of requests; proxied.go is the member's side
//	leave.go       a node that is told to end hands over first
//	replies.go     every reply there is, and the table from outcomes to error codes
//	library.go     the official client, and what has to be known about it
//	output.go      the only way to stdout
//	drops.go       counting and logging what was thrown away
//
// limits.go and options.go hold every number.
//
// # Three goroutines, and nobody waits for stdout
//
// The reader takes in one line after the other and hands what it finds to the core's inbox, in that order. The core's loop (package
// driver) sends messages and replies into a queue in memory. The writer takes everything that has queued up and writes it at
// once. If nobody reads our stdout, the queue fills: then Raft messages are dropped, which Raft copes with, and the reader
// pauses before it takes further requests; but the loop never stops, and the end of stdin is always noticed in the end.
// The inbox is bounded too: while it is full, the reader waits, and so does whoever writes to our stdin.
//
// # Cut links
//
// A partition seldom cuts everything, and some cut one direction only. A node that gets no word from a peer wraps its messages in
// relays and gives them to the others, who pass them on, one step far, until both ends know a way, which is then used until the direct
// one works again. The core knows nothing of this. Where nothing is cut, nothing is relayed.
//
// # Answers in time
//
// Every request is answered before its client gives up. The node is told neither when that is nor when the request was sent. It estimates the limit from its
// round trips, and what the request has waited from the lines before it: Maelstrom delivers one message at a time to a node, and lets all others
// wait until it is due. A node that is stopped answers when it goes on, which may be too late.
//
// # Copies
//
// A client may send a request again under the same msg_id, to whichever node: it is executed once, and whoever learns of that gets the same answer.
// Two answers are weaker. Error 11 is about the copy that got it: another one may be executed. And that a cas was refused without a log entry (CASReads) is known
// to the node that refused it and to no other, until it ends or has refused tens of thousands of others.
//
// # Members
//
// All nodes that Maelstrom names in init belong to the cluster, or as many of the first of them as --initial-voters says. Any node takes requests of
// operators:
//
//	{"type":"add_learner","node":"n4"}        n4 gets the log and the state, and has no vote
//	{"type":"promote","node":"n4"}            n4, a learner that keeps up, gets a vote
//	{"type":"add_voter","node":"n4"}          n4 gets a vote when it has caught up
//	{"type":"add_witness","node":"n4"}        n4 gets a vote, and keeps neither commands nor state
//	{"type":"remove","node":"n4"}             n4, whatever it is, is no member any more
//	{"type":"replace","voters":["n1","n4"]}   these are all that vote, in one step
//	{"type":"transfer","node":"n3"}           n3 leads, or without "node" any node but the present leader
//	{"type":"configuration"}                  who is a member?
//
// each with a msg_id. What is so already is done at once, so a request may be sent again. The answer comes when it is done, and says what is then in force at
// the node that answers, and after a transfer who leads:
//
//	{"type":"remove_ok","in_reply_to":1,"configuration":{"index":7,"voters":["n1","n2"]}}
//
// beside voters with "outgoing", the voters that are being replaced, while that is under way, "learners", and "witnesses", which are among the voters.
// Or it is an error:
//
//	11  nothing was done: no leader was known
//	12  malformed, or there is no such node; for a transfer also: it does not vote
//	13  it is not known what became of it, or will
//	14  given up: a new voter did not catch up within three seconds, or most of them do not answer; the target of a transfer does not answer, was not
//	    elected in time, or another transfer is under way
//	20  promote: the node is no member
//	21  add_learner, add_witness: the node has a vote, or the state, already
//	22  refused: the learner is behind, the node has been a witness, too few voters would have the state, or there would be too many members
//	30  another change is under way
//
// A change may take five times as long as an operation, so whoever asks for one should wait for five seconds, or fifty mean latencies if that is more.
//
// A node that is no member, or a witness, passes requests on, of clients as well as of operators, and answers with what a member says. With 11 it
// does so only if no member can have done anything or can do it yet.
//
// # The end
//
// At the end of stdin the node answers whoever waits, and ends: whoever closed it has gone, and with it the way to the other nodes. At SIGTERM or
// SIGINT it refuses new requests with 11, hands over if it leads, waits for the requests that it has, and ends, after five seconds at the latest.
// A second signal ends it at once.
//
// # Bad input
//
// No input ends the process or changes the state. What is wrong with a request is told to the client, if it can be told who asked
// and under which msg_id; all else is counted (the reply to status shows the counts), logged at most once a second, and dropped.
package maelstrom
