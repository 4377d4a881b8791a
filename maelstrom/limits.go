package maelstrom

import (
	"time"

	"maelraft/kv"
)

// Every size and time of the adapter. Those that a user may want to change are in Options.
const (
	// maxLine is the longest line in bytes that is taken in. A longer one is skipped while it is read, and answered with error
	// 12 if it was a request.
	maxLine = 8 << 20
	// readBuffer is how many bytes one read from stdin may bring. Lines up to this length are not copied.
	readBuffer = 64 << 10
	// keepBuffer is the largest buffer in bytes that is kept for the next line, or the next write.
	keepBuffer = 1 << 20
	// maxDepth is how deeply a line may be nested: a value, within a command, within a list, within a body, within an envelope.
	maxDepth = kv.MaxDepth + 8
	// maxFields is how many members one object outside of values may have. The longest that we know has a dozen.
	maxFields = 256
	// maxToken is the longest name, id or type, in bytes, that is looked at in a line that cannot be parsed.
	maxToken = 256

	// maxQueuedForPeers is how many bytes may wait for stdout before messages to peers are dropped, and before the reader
	// pauses ahead of each request.
	maxQueuedForPeers = 16 << 20
	// maxQueued is how many bytes may wait for stdout before replies are dropped too. It is large, because it is reached only if the
	// requests in flight have very large answers, or nobody reads.
	maxQueued = 256 << 20
	// maxPause is how long the reader waits for room before it drops the request: by then its client has given up.
	maxPause = time.Second
	// flushLimit is how long the end of stdin waits for stdout to take what is left.
	flushLimit = time.Second
	// leaveLimit is how long a node takes to hand over and to answer those that wait, when it is told to end: less than the patience of what
	// starts and ends processes, which is ten seconds as a rule.
	leaveLimit = 5 * time.Second
	// clientGeneration is how many clients are remembered before older ones begin to be forgotten (see clientSet).
	clientGeneration = 1 << 15

	// copyGeneration is how many answers to a cas are remembered for copies of it before older ones begin to be forgotten (copies.go).
	copyGeneration = 1 << 15

	// silence is how long after init a node sends nothing to a peer that it has not heard. Maelstrom starts nodes in parallel, and silences
	// for good a node that writes to one which does not exist yet.
	silence = 150 * time.Millisecond
	// afterSilence is added to it before the first election, so that its messages are not lost.
	afterSilence = 5 * time.Millisecond

	// maxChunk is how many bytes of a snapshot go into one message: 48 KiB in base64.
	maxChunk = 36 << 10
	// trailingShare says which part of the entries between two snapshots stays in memory behind the newer one.
	trailingShare = 10

	// maxFloodGap is the longest pause between two attempts to find a way around a cut link, in times that a peer has to answer.
	maxFloodGap = 8

	// longPause is the pause between two messages to a peer, in the same unit, after which its silence to the first means nothing.
	longPause = 10

	// minClientLimit and clientLimitLatencies are Maelstrom's: a lin-kv client gives up after the larger of one second and
	// ten times the mean one-way latency.
	minClientLimit       = time.Second
	clientLimitLatencies = 10
	// mostPatience is the part of the client's limit after which a request is answered, come what may, if it has not waited to reach us. One
	// that has is answered when latestAnswer of its client's limit is over, counted from when it was sent; the rest is for the way out. leastPatience is what is
	// left to one that can have waited even longer.
	mostPatience, latestAnswer, leastPatience = 0.85, 0.92, 0.05
	// burst is how long nothing may be there to be read between lines that reach us at once, if whoever delivers them is busy.
	burst = 20 * time.Millisecond
	// pulseEvery is how often a node makes sure that it runs, and standstill the least time without that which counts as one in which it did not.
	pulseEvery, standstill = 25 * time.Millisecond, 60 * time.Millisecond
	// latencyCaution scales down our estimate of the latency: it is half a measured round trip, which includes time in queues and in
	// busy processes. Too small an estimate answers early, too large a one not at all.
	latencyCaution = 0.8
	// averageOver is the time over which round trips are averaged for it, and averageLag is added to that at its beginning.
	averageOver, averageLag = 2 * time.Minute, 5 * time.Second

	// changePatience is how many times the patience of an operation a change of the membership may take: new voters must catch up first. What asks for it
	// should wait five times as long as for an operation.
	changePatience = 5
	// catchUp is how long they have for that, which is less than the least patience: so it is known what became of the change.
	catchUp = 3 * time.Second

	// maxErrands is how many requests may wait for others to serve them.
	maxErrands = 4096
	// hedgeTrips and hedgeParts say after how many round trips, but no less than which part of a request's patience, another node is asked as well.
	hedgeTrips, hedgeParts = 3, 8
	// maxProxied is the longest that a node serves what another has passed on.
	maxProxied = time.Minute
	// livesShift leaves room for as many numbers in each life of a node.
	livesShift = 32

	// logEvery is the least time between two log lines, from warning up, with the same text.
	logEvery = time.Second
)
