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
//	requests.go    read, write, cas and status
//	patience.go    how long a request may wait
//	copies.go      copies of a cas that a client sends
//	transfer.go    transfer: another node is to lead
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
// # Transfer of leadership
//
// Any node takes
//
//	{"type": "transfer", "msg_id": 1, "node": "n3"}
//
// and sees to it that n3 leads, or without "node" any node but the present leader, whichever has most of its log. The reply comes when this node
// knows the new leader; that n3 leads already is as good:
//
//	{"type": "transfer_ok", "in_reply_to": 1, "leader": "n3"}
//
// or an error: 11 if no leader was known, 12 for a node that is not of this cluster, 14 if the leader stays (n3 does not answer, or was not elected
// within an election time-out, or a transfer to another node is under way), 13 if it is not known what became of it.
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
