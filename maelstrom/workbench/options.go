package workbench

import (
	"errors"
	"fmt"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Limits and time-outs of the bench. Those marked M are Maelstrom's own and
// must stay as they are, or figures stop being comparable.
const (
	// initLimit is how long a node may take to answer init (M).
	initLimit = 10 * time.Second
	// minClientLimit is the least time a client waits for a reply (M).
	minClientLimit = 1000 * time.Millisecond
	// clientLimitLatencies is the same limit in mean latencies (M).
	clientLimitLatencies = 10
	// crashTailLines is how many last stderr lines a crash message shows (M).
	crashTailLines = 32
	// crashDrainLimit is how long a dead node's stderr is read on.
	crashDrainLimit = 500 * time.Millisecond
	// quirkProcessLimit is how many processes may touch one key (M).
	quirkProcessLimit = 20
	// perKeyLimit is how many operations one key gets in the strict form.
	perKeyLimit = 2000
	// quirkMaxNodes is the largest cluster Maelstrom's lin-kv can start (M).
	quirkMaxNodes = 10
	// maxNodes bounds --node-count; each node costs a process and pipes.
	maxNodes = 100
	// maxThreads bounds --concurrency.
	maxThreads = 10_000
	// maxLatencyMS bounds --latency, in milliseconds.
	maxLatencyMS = 60_000
	// maxRate bounds --rate, in operations per second.
	maxRate = 1_000_000
	// maxSeconds bounds --time-limit and --nemesis-interval, in seconds.
	maxSeconds = 7 * 24 * 3600
	// stdoutLineLimit is the longest line in bytes that a node may print.
	stdoutLineLimit = 256 << 20
	// violationExcerpt is how many bytes of a bad line are shown.
	violationExcerpt = 300
	// dispatchSlack is how late the bench itself may be with an operation and
	// still count it as punctual, so that lateness does not lower the rate.
	dispatchSlack = 20 * time.Millisecond
	// watchPeriod is the time between two status questions to one node.
	watchPeriod = 500 * time.Millisecond
	// defaultElectionTimeoutMS is supposed of nodes that do not name theirs.
	defaultElectionTimeoutMS = 200
	// minStatusLimit is the least time a status answer is waited for.
	minStatusLimit = 100 * time.Millisecond
	// statusLimitLatencies is the same in mean latencies: a question may sit
	// behind a message that the node's inbox sleeps on.
	statusLimitLatencies = 4
	// probeLimit is how long the throwaway node may take to answer status.
	probeLimit = time.Second
	// checkLimit is how long the checker may think about one reading.
	checkLimit = 60 * time.Second
	// checkMemoryLimit is roughly how many bytes the search for one key may
	// remember before the checker gives up on it.
	checkMemoryLimit = 512 << 20
	// progressPeriod is the time between two progress lines.
	progressPeriod = 5 * time.Second
	// defaultMessagesMiB and maxMessagesMiB bound messages.jsonl, in MiB.
	defaultMessagesMiB = 64
	maxMessagesMiB     = 1 << 20
	// servableLatencies is the number of one-way delays in the definition of
	// a servable request.
	servableLatencies = 8
	// settleLatencies and settleBase say how long after a cut an operation
	// that was invoked before it may still be the old leader's work.
	settleLatencies = 4
	settleBase      = 20 * time.Millisecond
)

// Values that options with a fixed choice may take.
const (
	workloadLinKV = "lin-kv"

	distConstant    = "constant"
	distUniform     = "uniform"
	distExponential = "exponential"

	nemesisNone      = "none"
	nemesisPartition = "partition"
	nemesisLeaderCut = "leader-cut"

	watchAuto = "auto"
	watchOn   = "on"
	watchOff  = "off"
)

// Options says what to test and how. The tags make it a kong command; names
// and meanings are Maelstrom's wherever Maelstrom has the option. A value is
// not changed by Run and may be used again.
type Options struct {
	// Workload names the client load and its checker.
	Workload string `help:"What clients do: lin-kv." short:"w" default:"lin-kv" enum:"lin-kv"`
	// Bin is the path of the node program. Run needs it; main fills in its own.
	Bin string `help:"Node program to test. Default: this program itself." placeholder:"PATH"`
	// NodeCount is the number of nodes, named n0, n1 and so on.
	NodeCount int `help:"Number of nodes (1 to 100)." default:"5"`
	// Concurrency is the number of client threads, or a multiple of NodeCount.
	Concurrency string `help:"Client threads: a number, or a multiple of the node count as in 4n. Must be a multiple of 2n." default:"2n"`
	// Rate is the mean number of operations per second over all threads.
	Rate float64 `help:"Operations per second, a ceiling (Maelstrom's own default is 5)." default:"100"`
	// TimeLimit is how long operations are issued, in seconds.
	TimeLimit float64 `help:"Seconds during which operations are issued." default:"20"`
	// Latency is the mean one-way delay between nodes, in milliseconds.
	Latency int `help:"Mean one-way delay between nodes in milliseconds; clients have none." default:"0"`
	// LatencyDist is the distribution of that delay.
	LatencyDist string `help:"Distribution of the delay: constant, uniform or exponential." default:"constant" enum:"constant,uniform,exponential"`
	// Nemesis names the fault to inject.
	Nemesis string `help:"Faults: none, partition (Maelstrom's four kinds), or leader-cut (isolate the node that says it leads, once per two intervals)." default:"none" enum:"none,partition,leader-cut"`
	// NemesisInterval is the mean time between fault events, in seconds.
	NemesisInterval float64 `help:"Mean seconds between the start and the stop of faults; decimals allowed." default:"10"`
	// Seed makes every random choice; 0 draws one, which is printed.
	Seed uint64 `help:"Seed of everything random; 0 draws one. It is printed and stored." default:"0"`
	// LogStderr copies the nodes' stderr to the bench's own.
	LogStderr bool `help:"Copy what nodes print on stderr to stderr."`
	// MaelstromQuirks brings back the habits of Maelstrom that hide bugs.
	MaelstromQuirks bool `help:"Behave as Maelstrom does where it hides bugs: bad lines silence a node, reads in the first block only, first-thread bias, null reads accepted, 20 and 22 ignored."`
	// WatchLeader says whether nodes are asked for their status.
	WatchLeader string `help:"Ask nodes who leads (status): auto, on or off. Auto is off with --maelstrom-quirks; otherwise a throwaway node is asked first." default:"auto" enum:"auto,on,off"`
	// ElectionTimeout is the top of the nodes' random election time-out in
	// milliseconds. Only the figure "servable" depends on it.
	ElectionTimeout int `help:"Top of the nodes' election time-out in milliseconds; used only to say which requests could have been served. 0: what nodes say in their status, or 200." default:"0" placeholder:"MS"`
	// MessagesLimit is how large messages.jsonl may become, in MiB; 0 keeps no messages.
	MessagesLimit int `help:"Size limit in MiB of the file with every message; 0 keeps none." default:"64" placeholder:"MIB"`
	// Store is the directory that receives histories, logs and results.
	Store string `help:"Directory for histories, node logs and results." default:"store" placeholder:"DIR"`
	// Quiet leaves only the final verdict line on the bench's output.
	Quiet bool `help:"Print only the verdict line."`
	// NodeArgs are passed to every node unchanged.
	NodeArgs []string `help:"Arguments for the nodes, after --." arg:"" optional:"" name:"node-args"`

	// env is added to the nodes' environment; tests use it.
	env []string
}

// DefaultOptions returns the values that the tags on Options give as defaults.
func DefaultOptions() Options {
	return Options{
		Workload: workloadLinKV, NodeCount: 5, Concurrency: "2n", Rate: 100, TimeLimit: 20,
		LatencyDist: distConstant, Nemesis: nemesisNone, NemesisInterval: 10,
		WatchLeader: watchAuto, MessagesLimit: defaultMessagesMiB, Store: "store",
	}
}

// Validate reports the first option that makes no sense, in one line that
// says what would. It looks at Bin only when it is set.
func (o Options) Validate() error {
	for _, check := range []func() error{
		o.validateChoices, o.validateSize, o.validateTimes, o.validateBin,
	} {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}

func (o Options) validateChoices() error {
	for _, c := range []struct {
		name, value string
		allowed     []string
	}{
		{"workload", o.Workload, []string{workloadLinKV}},
		{"latency-dist", o.LatencyDist, []string{distConstant, distUniform, distExponential}},
		{"nemesis", o.Nemesis, []string{nemesisNone, nemesisPartition, nemesisLeaderCut}},
		{"watch-leader", o.WatchLeader, []string{watchAuto, watchOn, watchOff}},
	} {
		if !slices.Contains(c.allowed, c.value) {
			return fmt.Errorf("--%s must be one of %s, not %q", c.name, strings.Join(c.allowed, ", "), c.value)
		}
	}
	return nil
}

func (o Options) validateSize() error {
	if o.NodeCount < 1 || o.NodeCount > maxNodes {
		return fmt.Errorf("--node-count must be between 1 and %d, not %d", maxNodes, o.NodeCount)
	}
	if o.MaelstromQuirks && o.NodeCount > quirkMaxNodes {
		return fmt.Errorf("--node-count %d: with its process limit of %d per key, Maelstrom hangs on lin-kv with more than %d nodes; drop --maelstrom-quirks",
			o.NodeCount, quirkProcessLimit, quirkMaxNodes)
	}
	_, err := o.threads()
	return err
}

func (o Options) validateTimes() error {
	switch {
	case !within(o.Rate, 0, maxRate):
		return fmt.Errorf("--rate must be between 0 and %d operations per second, not %v", maxRate, o.Rate)
	case !within(o.TimeLimit, math.SmallestNonzeroFloat64, maxSeconds):
		return fmt.Errorf("--time-limit must be more than 0 and at most %d seconds, not %v", maxSeconds, o.TimeLimit)
	case o.Latency < 0 || o.Latency > maxLatencyMS:
		return fmt.Errorf("--latency must be between 0 and %d milliseconds, not %d", maxLatencyMS, o.Latency)
	case !within(o.NemesisInterval, 0.001, maxSeconds):
		return fmt.Errorf("--nemesis-interval must be between 0.001 and %d seconds, not %v", maxSeconds, o.NemesisInterval)
	case o.ElectionTimeout < 0 || o.ElectionTimeout > maxLatencyMS*clientLimitLatencies:
		return fmt.Errorf("--election-timeout must be between 0 and %d milliseconds, not %d", maxLatencyMS*clientLimitLatencies, o.ElectionTimeout)
	case o.MessagesLimit < 0 || o.MessagesLimit > maxMessagesMiB:
		return fmt.Errorf("--messages-limit must be between 0 and %d MiB, not %d", maxMessagesMiB, o.MessagesLimit)
	case o.Store == "":
		return errors.New("--store must name a directory")
	}
	return nil
}

// within is false for NaN as well.
func within(x, low, high float64) bool { return x >= low && x <= high }

func (o Options) validateBin() error {
	if o.Bin == "" {
		return nil
	}
	info, err := os.Stat(o.Bin)
	if err != nil {
		return fmt.Errorf("--bin: %w", err)
	}
	if info.IsDir() {
		return fmt.Errorf("--bin %s is a directory", o.Bin)
	}
	if os.PathSeparator == '/' && info.Mode()&0o111 == 0 {
		return fmt.Errorf("--bin %s is not executable", o.Bin)
	}
	return nil
}

// threads returns the number of client threads that Concurrency asks for.
func (o Options) threads() (int, error) {
	text, isMultiple := strings.CutSuffix(o.Concurrency, "n")
	count, err := strconv.Atoi(text)
	if err != nil || count <= 0 || count > maxThreads {
		return 0, fmt.Errorf("--concurrency must be a number such as 20 or a multiple of the node count such as 4n, not %q", o.Concurrency)
	}
	if isMultiple {
		count *= o.NodeCount
	}
	block := 2 * o.NodeCount
	if count%block != 0 || count > maxThreads {
		return 0, fmt.Errorf("--concurrency %s is %d threads: it must be a multiple of 2n = %d and at most %d (each block of 2n threads shares one key)",
			o.Concurrency, count, block, maxThreads)
	}
	return count, nil
}

// clientLimit is how long a client waits for a reply.
func (o Options) clientLimit() time.Duration {
	return max(clientLimitLatencies*o.meanLatency(), minClientLimit)
}

// meanLatency is the mean one-way delay between nodes, L in the figures.
func (o Options) meanLatency() time.Duration {
	return time.Duration(o.Latency) * time.Millisecond
}

// statusLimit is how long an answer to status is waited for.
func (o Options) statusLimit() time.Duration {
	return max(statusLimitLatencies*o.meanLatency(), minStatusLimit)
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }
