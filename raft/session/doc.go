// Package session makes a replicated state machine execute each request of a client at most once, and answer every copy of
// it with the one answer (Raft thesis §6.3: linearizable semantics are exactly-once semantics).
//
// Read session.go: Command and Result are what a machine with sessions takes and gives, Machine.Apply is the rule. state.go is what is remembered,
// table.go how it can be captured while the machine goes on, snapshot.go how it travels.
//
// # The rule
//
// A request is named by its client and by an id that the client gives once. The machine keeps, in replicated state, each
// client's latest answers by id. A command whose id is among them is not executed; it gets that answer. Memory is bounded: a
// client has a window of answers, of which the one with the lowest id is forgotten first, and there is a bounded number
// of clients, of which the one that executed nothing for longest, counted in log indices, is forgotten first. So what is
// forgotten depends on the log alone, and every replica forgets the same at the same place. A command that is not among the
// answers is executed unless it may be one whose answer was forgotten. That is so if
//
//   - its id lies below the client's Floor, which is one above the highest id that the window has dropped; or
//   - its Seen lies below the client's Since, the log index up to which evicted clients had executed when this client's record was made.
//
// Then it is answered Forgotten. Commands that are not executed change nothing, not even who is evicted next: this state changes
// exactly when the wrapped one does.
//
// # What is guaranteed, and why
//
// Seen is the log index that a node had applied when the request first arrived there. The command came into the log
// later, so it can only ever be executed at an index e > Seen. Where a node sends a command again, because a leader changed or a message may
// be lost, it must not stamp it again: the copies are equal, Seen included.
//
// A copy that the cluster made is never executed a second time, whatever is evicted. While the client's record lives, the id is
// among the answers or below Floor. When the record is evicted, the machine notes the last index at which this client executed
// anything, which is at least e; records made afterwards have a Since of at least e; and Seen < e <= Since.
//
// A request that the client itself sends again under the same id is stamped anew, perhaps at another node, so only the
// record protects it: it is not executed a second time unless, between the last execution for this client and the resent request, as
// many other clients as Limits.Clients allows have executed something, and even then only if the node that stamped it had already
// applied the last execution of every client evicted until then. Where there are no more clients than the limit: never.
//
// No command ever gets the answer to another one, provided that there is a digest to tell two commands under one id apart.
//
// [Machine.Settle] answers what raft.Node.Try asks: a command that was executed gets its answer, and one that would change nothing gets the wrapped machine's,
// of which nothing is remembered. So another copy of it may yet be executed, if there is one: each request must be tried once only.
//
// Forgotten says that the command was not executed now. It may have been executed before, it may never have been, and another
// copy of it may still be: the fate is unknown to whoever asked. It is rare by construction: it takes a client that has more than a
// window of later requests executed before this one arrives, or a node that lags by as many clients as there is room for.
//
// # What differs from the thesis
//
// In §6.3 clients register, and one whose session has expired is told so. Maelstrom's clients do not register: a session here begins with the
// first command, and Seen takes over the part of the registered session: it tells a new client from a forgotten one. The thesis
// drops answers when the client says that it has them; ours say nothing, hence the window.
package session
