package workbench

import (
	"fmt"
	"math"
	"slices"
	"time"
)

const (
	// maxPoints is how many operations the scatter shows; up to maxTroubles of
	// them are failed or unknown ones, which are kept first.
	maxPoints   = 12_000
	maxTroubles = 4_000
	// stretches is how many parts of the test keep their slowest and fastest
	// operation of each function.
	stretches = 500
	// maxPointText is how many bytes of an operation's values are shown.
	maxPointText = 80
	// maxBins is how many bars show throughput.
	maxBins = 120
	// fewBins is how many of less than a second there are at most.
	fewBins = 40
	// curveSteps is how many points a latency curve has.
	curveSteps = 200
)

// Ways in which an operation ends, as the charts tell them apart.
const (
	endOK      = iota
	endRefused // the honest answers 20 and 22
	endFailed
	endUnknown
	ends // how many there are
)

func endOf(o *op) int {
	switch {
	case o.Outcome == outcomeOK:
		return endOK
	case o.served():
		return endRefused
	case o.Outcome == outcomeFail:
		return endFailed
	default:
		return endUnknown
	}
}

// pointData has one entry per shown operation in each list: when it was
// invoked, how long it took, its function and node (as indices), how it ended,
// its process, its key, and the rest in words.
type pointData struct {
	At        []float64 `json:"at"`
	Took      []float64 `json:"took"`
	Functions []int     `json:"f"`
	Nodes     []int     `json:"node"`
	Ends      []int     `json:"end"`
	Processes []int     `json:"process"`
	Keys      []int     `json:"key"`
	Texts     []string  `json:"text"`
}

func points(ops []*op, functions, nodes []string, end time.Duration) (pointData, string) {
	shown, note := thin(ops, functions, end)
	var d pointData
	for _, o := range shown {
		d.At = append(d.At, millis(o.Invoke))
		d.Took = append(d.Took, millis(o.Return-o.Invoke))
		d.Functions = append(d.Functions, slices.Index(functions, o.F))
		d.Nodes = append(d.Nodes, slices.Index(nodes, o.Node))
		d.Ends = append(d.Ends, endOf(o))
		d.Processes = append(d.Processes, o.Process)
		d.Keys = append(d.Keys, o.Key)
		text := describe(o)
		if o.Code != codeNone {
			text += " (" + codeName(o.Code) + ")"
		}
		d.Texts = append(d.Texts, clip(text, maxPointText))
	}
	return d, note
}

// thin chooses which operations are drawn if there are too many: the failed
// and unknown ones, the extremes of each stretch, and an even sample.
func thin(ops []*op, functions []string, end time.Duration) ([]*op, string) {
	if len(ops) <= maxPoints {
		return ops, fmt.Sprintf("All %d operations.", len(ops))
	}
	keep := make([]bool, len(ops))
	var troubles []int
	for i, o := range ops {
		if e := endOf(o); e == endFailed || e == endUnknown {
			troubles = append(troubles, i)
		}
	}
	kept := markEvenly(keep, troubles, maxTroubles)
	note := fmt.Sprintf("%d of %d operations: %d of the %d failed and unknown ones, ", maxPoints, len(ops), kept, len(troubles))
	kept += markExtremes(keep, ops, len(functions), end)
	var rest []int
	for i := range ops {
		if !keep[i] {
			rest = append(rest, i)
		}
	}
	markEvenly(keep, rest, maxPoints-kept)
	var shown []*op
	for i, o := range ops {
		if keep[i] {
			shown = append(shown, o)
		}
	}
	return shown, note + fmt.Sprintf("the slowest and the fastest of each %.2g s and function, and an even sample of the rest.", end.Seconds()/stretches)
}

// markEvenly marks up to n of the indices, evenly spread, and returns how many.
func markEvenly(keep []bool, indices []int, n int) int {
	n = min(n, len(indices))
	for i := range n {
		keep[indices[i*len(indices)/n]] = true
	}
	return n
}

// markExtremes marks the slowest and the fastest operation of each stretch and
// function and returns how many were not marked before.
func markExtremes(keep []bool, ops []*op, functions int, end time.Duration) int {
	type cell struct {
		stretch int
		f       string
	}
	extremes := make(map[cell][2]int, stretches*functions) // fastest, slowest
	for i, o := range ops {
		c := cell{int(float64(o.Invoke) / float64(max(end, 1)) * stretches), o.F}
		e, ok := extremes[c]
		if !ok {
			e = [2]int{i, i}
		}
		took := o.Return - o.Invoke
		if took < ops[e[0]].Return-ops[e[0]].Invoke {
			e[0] = i
		}
		if took > ops[e[1]].Return-ops[e[1]].Invoke {
			e[1] = i
		}
		extremes[c] = e
	}
	marked := 0
	for _, e := range extremes {
		for _, i := range e {
			if !keep[i] {
				keep[i] = true
				marked++
			}
		}
	}
	return marked
}

// rateData counts answers per bin of time, by how operations ended.
type rateData struct {
	Bin  float64     `json:"bin"` // seconds
	Ends [ends][]int `json:"ends"`
}

func throughput(ops []*op, end time.Duration) rateData {
	bin := binFor(end)
	d := rateData{Bin: bin.Seconds()}
	for i := range d.Ends {
		d.Ends[i] = make([]int, bins(end, bin))
	}
	for _, o := range ops {
		counts := d.Ends[endOf(o)]
		counts[binOf(o.Return, bin, len(counts))]++
	}
	return d
}

// binFor returns a round width of bins: no more than maxBins of them, and no
// finer than a second unless the test is short.
func binFor(end time.Duration) time.Duration {
	for decade := 100 * time.Millisecond; ; decade *= 10 {
		for _, step := range []time.Duration{1, 2, 5} {
			bin := decade * step
			if end/bin < fewBins || bin >= time.Second && end/bin < maxBins {
				return bin
			}
		}
	}
}

// bins is how many there are: what is left over at the end, less than half a
// bin, belongs to the last one.
func bins(end, bin time.Duration) int { return max(int((end+bin/2)/bin), 1) }

func binOf(at, bin time.Duration, n int) int { return min(int(max(at, 0)/bin), n-1) }

// latencyCurves returns, for each function, the latencies in milliseconds
// below which the share i/curveSteps of the served operations lies.
func latencyCurves(ops []*op) map[string][]float64 {
	took := map[string][]float64{}
	for _, o := range ops {
		if o.served() {
			took[o.F] = append(took[o.F], millis(o.Return-o.Invoke))
		}
	}
	curves := map[string][]float64{}
	for f, values := range took {
		slices.Sort(values)
		for i := range curveSteps + 1 {
			rank := int(math.Ceil(float64(i) / curveSteps * float64(len(values))))
			curves[f] = append(curves[f], values[max(rank-1, 0)])
		}
	}
	return curves
}
