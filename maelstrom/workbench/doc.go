// Package workbench is a test bench that does for a node in any language what
// `maelstrom test` does, without a JVM: it starts N copies of a program,
// speaks Maelstrom's line protocol with them over stdin and stdout, carries
// their messages with latency and partitions, drives client operations, and
// checks that what the clients saw was linearizable.
//
// It is a black box bench. It knows nodes only by what they print, so it may
// import neither maelraft/raft, maelraft/kv nor maelraft/maelstrom: only the
// standard library and porcupine (the checker).
//
// Where Maelstrom has a habit that hides bugs, the strict form is the default
// and --maelstrom-quirks brings the habit back, for figures that stand beside
// Maelstrom's own. The quirks are: a node that prints a bad line is silenced
// and not failed; reads come from the first block of threads only; the first
// free thread is preferred; null reads, "key does not exist" and
// "precondition failed" say nothing to the checker; a key has no operation
// limit; eleven nodes cannot run; a delay is cut to whole milliseconds once
// more when its message is taken.
//
// How to read it, in the order in which a test runs:
//
//	options.go    what can be asked for; every limit and time-out as a constant
//	run.go        one test from start to verdict
//	conclude.go   from the finished history to the verdict
//	cluster.go    running nodes and their network; init
//	process.go    one running node, its streams, its death; program.go starts
//	              it as an operating system process
//	protocol.go   what a line on a node's stdout must look like
//	router.go     the network: delays, counting; inbox.go queues, delivery.go
//	              is the way out of the queue, weather.go what faults do to
//	              messages, and journal.go takes every one of them down
//	client.go     one client: one outstanding request, a limit, late replies
//	workload.go   the seam for workloads; linkv.go is the first of them
//	generator.go  which thread does the next operation, and when
//	nemesis.go    faults start, overlap and stop; disturbance.go draws when and
//	              whom they hit, grudge.go which links a partition cuts
//	leader.go     who says it leads
//	membership.go nodes come and go as members; admin.go is what they are asked
//	history.go    what happened, in order
//	checker.go    both readings of a history; model.go is the register
//	              (search.go bounds its search) and explain.go cuts a bad history down to a readable part
//	check.go      the same verdicts on histories in files
//	              (readhistory.go reads ours, and with ednhistory.go, edn.go and ednatom.go Maelstrom's)
//	final.go      what is read once all faults are over
//	stats.go      figures; servable.go and outage.go are two with rules,
//	              electorate.go says who had a say in the cluster, over time,
//	              and kills.go counts whom kills hit
//	report.go     the block a person reads, on printer.go; store.go the files
//	htmlreport.go the page a person looks at, from one struct; its parts are in
//	              htmlreport_*.go, its looks and its charts in report/
//	clock.go      monotonic time and exact sleeps; sys_*.go per system
//
// One habit of Maelstrom is not here: in workloads other than lin-kv it closes a
// client whose operation crashed, and silences a node that answers it late.
//
// --nemesis membership asks nodes for changes of the membership, as admin.go
// says. A program that does not answer such requests is refused at the start.
//
// One courtesy is asked of a node and can be done without: to answer `status`
// with status_ok {role, term, ...}: then the figures know who leads
// and leader-cut knows whom to cut. Maelstrom never sends this type and a node
// may die of it, so unless told otherwise the bench first asks a throwaway
// node, a cluster of one named probe0.
//
// Everything random comes from Options.Seed through independent streams
// (rng.go): the k-th operation of a client thread, the k-th delay of a link
// and the fault timetable depend on the seed alone. What depends on the nodes
// as well is which thread happens to be free, and hence the interleaving and
// the moment at which a block of threads moves on to its next key; and, of the
// changes of the membership, what the configuration in force makes of a draw,
// and when: the next pause begins when a change is done.
package workbench
