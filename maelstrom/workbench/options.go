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
	// weighPeriod is the time between two looks at a node's memory.
	weighPeriod = 500 * time.Millisecond
	// probeLimit is how long the throwaway node may take to answer status.
	probeLimit = time.Second
	// checkLimit is how long the checker may think about one reading.
	checkLimit = 60 * time.Second
	// checkMemoryLimit is roughly how many bytes the search for one key may
	// remember before the checker gives up on it.
	checkMemoryLimit = 512 << 20
	// partOps is how many operations a part of a long history has. A search in
	// n operations remembers up to n*n/8 bytes if they are possible, and many
	// times that if they are not, so small parts are found to be impossible
	// where the whole is not.
	partOps = 200
	// partLimit is how long the checker may think about one part.
	partLimit = time.Second
	// progressPeriod is the time between two progress lines.
	progressPeriod = 5 * time.Second
	// defaultMessagesMiB and maxMessagesMiB bound messages.jsonl, in MiB.
	defaultMessagesMiB = 64
	maxMessagesMiB     = 1 << 20
	// changeLimits is how many client limits a change of the membership may take:
	// whoever comes must catch up first. changeTries is how often it is asked for.
	changeLimits = 5
	changeTries  = 10
	// minVoters is how many voters with data every change leaves, and
	// maxWitnesses how many witnesses there are at a time.
	minVoters    = 1
	maxWitnesses = 1
	// transferShare is how much of all moves are transfers of the leadership.
	transferShare = 0.1
	// adminProbeLimit is how long the throwaway node may take to say who is a
	// member of its cluster of one.
	adminProbeLimit = 5 * time.Second
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
	workloadEcho  = "echo"

	distConstant    = "constant"
	distUniform     = "uniform"
	distExponential = "exponential"

	watchAuto = "auto"
	watchOn   = "on"
	watchOff  = "off"
)

// Options says what to test and how. The tags make it a kong command; names
// and meanings are Maelstrom's wherever Maelstrom has the option. A value is
// not changed by Run and may be used again.
type Options struct {
	// Workload names the client load and its checker.
	Workload string `help:"What clients do: lin-kv or echo." short:"w" default:"lin-kv" placeholder:"NAME"`
	// Bin is the path of the node program. Run needs it; main fills in its own.
	Bin string `help:"Node program to test. Default: this program itself." placeholder:"PATH"`
	// NodeCount is the number of nodes, named n0, n1 and so on.
	NodeCount int `help:"Number of nodes (1 to 100), named n0, n1 and so on." default:"5"`
	// Nodes names them; then NodeCount does not count.
	Nodes []string `help:"Names of the nodes instead, as in a,b,c." placeholder:"NAMES"`
	// Concurrency is the number of client threads, or a multiple of NodeCount.
	Concurrency string `help:"Client threads: a number, or a multiple of the node count as in 4n. lin-kv needs a multiple of 2n." default:"2n"`
	// Rate is the mean number of operations per second over all threads.
	Rate float64 `help:"Operations per second, a ceiling (Maelstrom's own default is 5)." default:"100"`
	// TimeLimit is how long operations are issued, in seconds.
	TimeLimit float64 `help:"Seconds during which operations are issued." default:"20"`
	// Latency is the mean one-way delay between nodes, in milliseconds.
	Latency int `help:"Mean one-way delay between nodes in milliseconds; clients have none." default:"0"`
	// LatencyDist is the distribution of that delay.
	LatencyDist string `help:"Distribution of the delay: constant, uniform or exponential." default:"constant" enum:"constant,uniform,exponential"`
	// Nemesis names the fault to inject.
	Nemesis string `help:"Faults, in any mix, as in kill,partition: partition (Maelstrom's four kinds), one-way (a node is deaf or mute), bridge (two halves share a node), leader-cut (the node that says it leads is isolated), kill (and restart), pause, loss, duplicate, reorder, slow, membership (nodes join and leave the cluster; the node must speak the admin protocol); none is the default." default:"none" placeholder:"LIST"`
	// NemesisInterval is the mean time between fault events, in seconds.
	NemesisInterval float64 `help:"Mean seconds between the start and the stop of faults; decimals allowed." default:"10"`
	// FinalReads says that every key is read at every node at the end.
	FinalReads bool `help:"At the end, end all faults, start nodes that are down, and read every key at every node; the values are checked with the rest, and every read must be answered."`
	// Availability is the least ok-fraction of a valid test; total is 1.
	Availability string `help:"Least share of operations that must be ok, as Maelstrom counts it (a cas that does not match is not): a fraction, or total." placeholder:"SHARE"`
	// TestCount is how many tests main runs, one after the other.
	TestCount int `help:"Tests to run one after the other, with seeds that follow each other; the first that is not valid is the last." default:"1"`
	// DataFlag is how a node is told where its data is, if it keeps any.
	DataFlag string `help:"Flag by which a node is given a fresh data directory of its own, as in --data-flag=--data-dir; a killed node finds its data there again." placeholder:"FLAG"`
	// RunFlag is how a node is told which run of the cluster it takes part in.
	RunFlag string `help:"Flag by which a node is told the name of the test, as in --run-flag=--run-id: the same for all nodes and all their lives." placeholder:"FLAG"`
	// MaxRSS bounds a node's resident memory in MiB.
	MaxRSS int `name:"max-rss" help:"MiB of memory that a node may use before the test is invalid; 0 is any." default:"1024" placeholder:"MIB"`
	// Seed makes every random choice; 0 draws one, which is printed.
	Seed uint64 `help:"Seed of everything random; 0 draws one. It is printed and stored." default:"0"`
	// LogStderr copies the nodes' stderr to the bench's own.
	LogStderr bool `help:"Copy what nodes print on stderr to stderr."`
	// LogNetSend and LogNetRecv show every message on the bench's stderr, when
	// it is sent and when it arrives.
	LogNetSend bool `help:"Show every message on stderr when it is sent."`
	LogNetRecv bool `help:"Show every message on stderr when it arrives."`
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
		LatencyDist: distConstant, Nemesis: nemesisNone, NemesisInterval: 10, MaxRSS: 1024, TestCount: 1,
		WatchLeader: watchAuto, MessagesLimit: defaultMessagesMiB, Store: "store",
	}
}

// Validate reports the first option that makes no sense, in one line that
// says what would. It looks at Bin only when it is set.
func (o Options) Validate() error {
	for _, check := range []func() error{
		o.validateChoices, o.validateNodes, o.validateSize, o.validateTimes, o.validateBin,
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
		{"workload", o.Workload, workloadNames()},
		{"latency-dist", o.LatencyDist, []string{distConstant, distUniform, distExponential}},
		{"watch-leader", o.WatchLeader, []string{watchAuto, watchOn, watchOff}},
	} {
		if !slices.Contains(c.allowed, c.value) {
			return fmt.Errorf("--%s must be one of %s, not %q", c.name, strings.Join(c.allowed, ", "), c.value)
		}
	}
	if o.FinalReads && o.Workload != workloadLinKV {
		return errors.New("--final-reads needs the workload lin-kv: others have nothing to be read")
	}
	return o.validateNemesis()
}

func (o Options) validateNemesis() error {
	faults := o.faults()
	for i, fault := range faults {
		switch {
		case !slices.Contains(nemesisNames, fault):
			return fmt.Errorf("--nemesis must be none or a list of %s, not %q", strings.Join(nemesisNames, ", "), o.Nemesis)
		case slices.Contains(faults[:i], fault):
			return fmt.Errorf("--nemesis names %s twice", fault)
		case fault == nemesisPause && !canPause:
			return errors.New("--nemesis pause: this system cannot stop a process and let it go on")
		}
	}
	if n := len(o.nodeNames()); slices.Contains(faults, nemesisMembership) && n < 2 {
		return fmt.Errorf("--nemesis %s: somebody must be left to come or go, but --node-count is %d", nemesisMembership, n)
	}
	if slices.Contains(faults, nemesisPartition) && slices.Contains(faults, nemesisLeaderCut) {
		return errors.New("--nemesis: partition and leader-cut do not go together")
	}
	return nil
}

// validateNodes wants names that stand for themselves in JSON and in a file
// name, and that Maelstrom does not take for clients.
func (o Options) validateNodes() error {
	for i, name := range o.Nodes {
		switch {
		case strings.Trim(strings.ToLower(name), "abcdefghijklmnopqrstuvwxyz0123456789_-") != "" || name == "":
			return fmt.Errorf("--nodes: names consist of letters, digits, - and _, unlike %q", name)
		case name[0] == 'c':
			return fmt.Errorf("--nodes: %q would be taken for a client, because of its first letter", name)
		case slices.Contains(o.Nodes[:i], name):
			return fmt.Errorf("--nodes names %s twice", name)
		}
	}
	return nil
}

// changesMembers says whether nodes join and leave.
func (o Options) changesMembers() bool { return slices.Contains(o.faults(), nemesisMembership) }

// Kills says whether nodes are killed and started again, so that they need data directories.
func (o Options) Kills() bool { return slices.Contains(o.faults(), nemesisKill) }

// nodeNames returns the names of the nodes.
func (o Options) nodeNames() []string {
	if len(o.Nodes) > 0 {
		return o.Nodes
	}
	return nodeNames(o.NodeCount)
}

// nodeNames returns n0, n1 and so on.
func nodeNames(n int) []string {
	names := make([]string, n)
	for i := range names {
		names[i] = fmt.Sprintf("n%d", i)
	}
	return names
}

func (o Options) validateSize() error {
	n := len(o.nodeNames())
	if n < 1 || n > maxNodes {
		return fmt.Errorf("--node-count must be between 1 and %d, not %d", maxNodes, n)
	}
	if o.MaelstromQuirks && n > quirkMaxNodes && o.Workload == workloadLinKV {
		return fmt.Errorf("--node-count %d: with its process limit of %d per key, Maelstrom hangs on lin-kv with more than %d nodes; drop --maelstrom-quirks",
			n, quirkProcessLimit, quirkMaxNodes)
	}
	if _, err := o.leastOK(); err != nil {
		return err
	}
	if o.TestCount < 1 {
		return fmt.Errorf("--test-count must be at least 1, not %d", o.TestCount)
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
	case o.MaxRSS < 0:
		return fmt.Errorf("--max-rss must not be negative, but is %d", o.MaxRSS)
	case o.MessagesLimit < 0 || o.MessagesLimit > maxMessagesMiB:
		return fmt.Errorf("--messages-limit must be between 0 and %d MiB, not %d", maxMessagesMiB, o.MessagesLimit)
	case o.Store == "":
		return errors.New("--store must name a directory")
	}
	return nil
}

// leastOK is the ok-fraction that Availability asks for; 0 asks for nothing.
func (o Options) leastOK() (float64, error) {
	switch o.Availability {
	case "":
		return 0, nil
	case "total":
		return 1, nil
	}
	share, err := strconv.ParseFloat(o.Availability, 64)
	if err != nil || !within(share, 0, 1) {
		return 0, fmt.Errorf("--availability must be total or a fraction between 0 and 1, not %q", o.Availability)
	}
	return share, nil
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
		count *= len(o.nodeNames())
	}
	block, _ := workloads[o.Workload].block(len(o.nodeNames()), count)
	if count%block != 0 || count > maxThreads {
		return 0, fmt.Errorf("--concurrency %s is %d threads: it must be a multiple of 2n = %d and at most %d (each block of 2n threads shares one key)",
			o.Concurrency, count, block, maxThreads)
	}
	return count, nil
}

// clientLimit is how long a client waits for a reply.
func (o Options) clientLimit() time.Duration {
	return workloads[o.Workload].clientLimit(o.meanLatency())
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
