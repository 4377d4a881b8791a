package workbench

import (
	"bufio"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

const (
	// maxEmbedded is how many messages the page holds, over all windows.
	maxEmbedded = 3000
	// maxFaultWindows is how many faults get a window.
	maxFaultWindows = 10
	// maxWindow is how far from its moment a window reaches at most.
	maxWindow = 3 * time.Second
	// beforeFault and beforeAnomaly weigh time before a window's moment: a
	// fault shows in what follows, an anomaly in what led to it.
	beforeFault, beforeAnomaly = 8, 1
	// maxBody is how many bytes of a message's body are shown.
	maxBody = 400
)

// Labels of windows that are not about a fault; the page's scripts know them.
const (
	labelStart     = "start"
	labelAnomaly   = "anomaly"
	labelViolation = "violation"
)

// windowData is a stretch of time with all its messages.
type windowData struct {
	Label    string        `json:"label"`
	Focus    float64       `json:"focus"`
	From     float64       `json:"from"`
	To       float64       `json:"to"`
	Messages []messageData `json:"messages"`
}

// messageData is a message in the Lamport diagram: sent, received or dropped
// at, src, dest, type, fate, body.
type messageData [7]any

// data is the message as the page has it.
func (l journalLine) data() messageData {
	end, f := l.Sent, fateLost
	switch {
	case l.Received != nil:
		end, f = *l.Received, fateReceived
	case l.Dropped != nil:
		end, f = *l.Dropped, fateDropped
	}
	return messageData{
		millis(time.Duration(l.Sent)), millis(time.Duration(end)), clip(l.Src, 40), clip(l.Dest, 40), clip(l.Type, 40), int(f), clip(string(l.Body), maxBody),
	}
}

// window collects the messages nearest to a moment.
type window struct {
	label  string
	focus  time.Duration
	before int64 // weight of time before focus
	first  bool  // the moment is that of the first message
	quota  int
	lines  []journalLine
}

// distance of a message from the window's moment.
func (w *window) distance(l journalLine) int64 {
	d := l.Sent - int64(w.focus)
	if d < 0 {
		return -d * w.before
	}
	return d
}

// add keeps the nearest messages, in at most twice the memory.
func (w *window) add(l journalLine) {
	if w.first {
		w.focus, w.first = time.Duration(l.Sent), false
	}
	if w.distance(l) > int64(maxWindow) {
		return
	}
	w.lines = append(w.lines, l)
	if len(w.lines) >= 2*w.quota {
		w.trim()
	}
}

func (w *window) trim() {
	slices.SortStableFunc(w.lines, func(a, b journalLine) int { return cmp.Compare(w.distance(a), w.distance(b)) })
	w.lines = slices.Delete(w.lines, min(len(w.lines), w.quota), len(w.lines))
}

// data returns the window in order of time.
func (w *window) data() windowData {
	w.trim()
	slices.SortStableFunc(w.lines, func(a, b journalLine) int { return cmp.Compare(a.Sent, b.Sent) })
	d := windowData{Label: w.label, Focus: millis(w.focus), From: millis(w.focus), To: millis(w.focus)}
	for _, l := range w.lines {
		m := l.data()
		d.From, d.To = min(d.From, m[0].(float64)), max(d.To, m[0].(float64))
		d.Messages = append(d.Messages, m)
	}
	return d
}

// windows reads the messages around the moments that matter.
func windows(s story) ([]windowData, string, error) {
	if s.messages == nil {
		return nil, "No messages were kept (--messages-limit 0).", nil
	}
	plan := plannedWindows(s)
	summary, err := readMessages(s.messages, func(l journalLine) {
		for _, w := range plan {
			w.add(l)
		}
	})
	if err != nil {
		return nil, "", err
	}
	var out []windowData
	for _, w := range plan {
		if len(w.lines) > 0 {
			out = append(out, w.data())
		}
	}
	return out, embeddedWords(out, len(faultTimes(s))) + fmt.Sprintf(" %s holds %s.", messagesFile, clip(summary, maxShownText)), nil
}

// embeddedWords says which messages the page has.
func embeddedWords(out []windowData, faults int) string {
	if len(out) == 0 {
		return "No messages are embedded."
	}
	total, shown := 0, 0
	var where []string
	for _, w := range out {
		total += len(w.Messages)
		switch w.Label {
		case labelStart:
			where = append(where, "the start")
		case labelAnomaly, labelViolation:
			where = append(where, "around the first "+w.Label)
		default:
			shown++
		}
	}
	if shown > 0 {
		where = append(where, fmt.Sprintf("around the start of %d of %d faults", shown, faults))
	}
	stretches := "one stretch"
	if len(out) > 1 {
		stretches = fmt.Sprintf("%d stretches, which may overlap", len(out))
	}
	return fmt.Sprintf("Embedded are %d messages in %s: %s. The bench's own questions for status are left out.",
		total, stretches, strings.Join(where, ", "))
}

// plannedWindows shares the messages out among the moments.
func plannedWindows(s story) []*window {
	plan := []*window{{label: labelStart, first: true, before: beforeAnomaly}}
	if at, label, ok := anomaly(s); ok {
		plan = append(plan, &window{label: label, focus: at, before: beforeAnomaly})
	}
	faults := faultTimes(s)
	n := min(len(faults), maxFaultWindows)
	for i := range n {
		k := i * len(faults) / n
		plan = append(plan, &window{label: fmt.Sprintf("fault %d", k+1), focus: faults[k], before: beforeFault})
	}
	for _, w := range plan {
		w.quota = maxEmbedded / len(plan)
	}
	return plan
}

func faultTimes(s story) []time.Duration {
	var times []time.Duration
	for _, p := range s.record.phases {
		if p.Kind != "" {
			times = append(times, p.At)
		}
	}
	return times
}

// anomaly returns the moment to look at when a test is not valid: the last
// operation of the explanation, or the first violation.
func anomaly(s story) (time.Duration, string, bool) {
	r := s.result
	if r.Explanation != nil && r.Explanation.part != nil {
		if shown := shownOps(r.Explanation.part); len(shown) > 0 {
			return shown[len(shown)-1].Invoke, labelAnomaly, true
		}
	}
	if len(r.Violations) > 0 {
		return r.Violations[0].At, labelViolation, true
	}
	return 0, "", false
}

// readMessages hands over what is not between the bench's own watchers and the
// nodes, and returns the note at the end of the file.
func readMessages(r io.Reader, handle func(journalLine)) (string, error) {
	br := bufio.NewReaderSize(r, journalBuffer)
	summary := "no last line says how complete it is"
	for {
		text, err := br.ReadBytes('\n')
		if len(text) > 0 {
			var l journalLine
			if err := json.Unmarshal(text, &l); err != nil {
				return "", fmt.Errorf("%s: %w", messagesFile, err)
			}
			switch {
			case l.Note != "":
				summary = l.Note
			case l.Type != "status" && l.Type != "status_ok":
				handle(l)
			}
		}
		if errors.Is(err, io.EOF) {
			return summary, nil
		}
		if err != nil {
			return "", err
		}
	}
}
