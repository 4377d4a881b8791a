package workbench

import (
	"embed"
	"errors"
	"fmt"
	"html/template"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Limits of report.html: together they keep it below 8 MB whatever happened.
const (
	// maxShownText is how many bytes of a text that came from a node are shown.
	maxShownText = 2000
	// maxReasons and maxWords bound lists of texts.
	maxReasons = 20
	maxWords   = 40
	// maxPicture is the size in bytes up to which porcupine's page is embedded.
	maxPicture = 3 << 20
	// Porcupine's page needs pictureFrame pixels and pictureRow for each client.
	pictureFrame, pictureRow, maxPictureHeight = 100, 45, 640
)

// story is what report.html is made from. A test can make one without a run.
type story struct {
	asked    Options // as they were given, with the seed drawn
	result   Result
	nodes    []string
	record   record
	eras     eras
	samples  []sample
	servable *servability
	end      time.Duration
	messages io.Reader // messages.jsonl, or nil if there is none
	picture  string    // porcupine's page about the explanation, or ""
}

// page is what the template shows as text; the charts draw Data.
type page struct {
	Style         template.CSS
	Script        template.JS
	Result        Result
	When          string
	Command       string
	Conditions    []string
	Tiles         []tile
	Latency       []latencyRow
	Faults        []faultRow
	FaultsNote    string
	Reasons       []string
	Words         []string
	Violations    []Violation
	Picture       string
	PictureLarge  bool
	PictureHeight int // in pixels
	MessagesNote  string
	PointsNote    string
	PhasesNote    string
	Watched       bool
	Changes       []changeRow
	ChangesNote   string
	Data          chartData
}

// chartData is what the charts draw. Times are milliseconds since the first
// operation.
type chartData struct {
	End       float64              `json:"end"`
	Functions []string             `json:"functions"`
	Nodes     []string             `json:"nodes"`
	Faults    []faultData          `json:"faults"`
	Points    pointData            `json:"points"`
	Rate      rateData             `json:"rate"`
	Phases    []phaseData          `json:"phases"`
	Types     []typeData           `json:"types"`
	Curves    map[string][]float64 `json:"curves"`
	Strips    []stripData          `json:"strips"`
	Members   *memberData          `json:"members"`
	Windows   []windowData         `json:"windows"`
}

// tile is one key figure.
type tile struct{ Name, Value, Unit, Note string }

// latencyRow is a line of the latency table.
type latencyRow struct {
	Name, Where string
	Quantiles
}

// typeData is one type of message between nodes.
type typeData struct {
	Name      string  `json:"name"`
	Sent      int     `json:"sent"`
	PerServed float64 `json:"per_served"`
}

//go:embed report
var reportFiles embed.FS

// pageTemplate is parsed once; the file is part of the program.
var pageTemplate = template.Must(template.ParseFS(reportFiles, "report/page.html"))

// reportScripts are joined in this order.
var reportScripts = []string{"base.js", "charts.js", "nodes.js", "members.js", "lamport.js", "main.js"}

// drawReport writes report.html. Without it a test is as good as with it, so
// an error is only a warning.
func (b *bench) drawReport(s story) {
	err := func() error {
		f, err := os.Open(filepath.Join(b.dir, messagesFile))
		if err == nil {
			defer f.Close()
			s.messages = f
		}
		if e := s.result.Explanation; e != nil && e.File != "" {
			text, err := os.ReadFile(e.File)
			if err != nil {
				return err
			}
			s.picture = patient(string(text))
		}
		out, err := os.Create(filepath.Join(b.dir, reportFile))
		if err != nil {
			return err
		}
		return errors.Join(writePage(out, s), out.Close())
	}()
	if err != nil {
		b.out.warn("WARN " + reportFile + " could not be written: " + err.Error())
	}
}

// Porcupine's page measures its texts when it draws them, which gives nothing
// in a frame that the browser has not laid out yet. Frames of an animation are
// drawn only after that.
const (
	drawsAtOnce = "render(data)\n"
	drawsLater  = "requestAnimationFrame(() => requestAnimationFrame(() => render(data)))\n"
)

// patient makes Porcupine's page draw when it can be seen.
func patient(picture string) string { return strings.Replace(picture, drawsAtOnce, drawsLater, 1) }

// writePage writes the self-contained page.
func writePage(w io.Writer, s story) error {
	p, err := newPage(s)
	if err != nil {
		return err
	}
	return pageTemplate.Execute(w, p)
}

func newPage(s story) (page, error) {
	r := s.result
	p := page{
		Result: r, When: filepath.Base(r.Store), Command: clip(commandLine(s.asked), maxShownText), Watched: len(s.samples) > 0,
		Conditions: conditions(r.Options, max(threadsOf(r.Options), 0)), Tiles: tiles(r), Latency: latencyRows(r.Figures),
		Reasons: clipAll(r.Reasons, maxReasons), Picture: s.picture,
	}
	if p.PictureLarge = len(s.picture) > maxPicture; p.PictureLarge {
		p.Picture = ""
	}
	if r.Explanation != nil {
		p.PictureHeight = r.Explanation.height()
		p.Words = clipAll(r.Explanation.Words, maxWords)
	}
	for _, v := range r.Violations {
		p.Violations = append(p.Violations, Violation{
			Node: v.Node, Line: clip(v.Line, maxShownText), Why: clip(v.Why, maxShownText), Asks: v.Asks, At: v.At,
		})
	}
	var err error
	if p.Style, p.Script, err = pageCode(); err != nil {
		return p, err
	}
	p.Faults, p.FaultsNote = faultRows(s)
	d := &p.Data
	d.End, d.Nodes, d.Types = millis(s.end), s.nodes, typeRows(r.Figures)
	d.Functions = slices.Sorted(maps.Keys(r.Figures.ByFunction))
	for _, f := range p.Faults {
		d.Faults = append(d.Faults, f.data())
	}
	d.Points, p.PointsNote = points(s.record.ops, d.Functions, s.nodes, s.end)
	d.Rate = throughput(s.record.ops, s.end)
	d.Phases, p.PhasesNote = phaseBars(s)
	d.Curves = latencyCurves(s.record.ops)
	d.Strips = strips(s)
	if r.Figures.Membership != nil {
		p.Changes, p.ChangesNote = changeRows(s)
		d.Members = members(s, p.Changes)
	}
	d.Windows, p.MessagesNote, err = windows(s)
	return p, err
}

// height is how many pixels Porcupine's page about the explanation needs.
func (e *Explanation) height() int {
	if e.part == nil {
		return maxPictureHeight
	}
	clients := map[int]bool{}
	for _, o := range e.part.known {
		clients[o.ClientId] = true
	}
	return min(pictureFrame+pictureRow*(len(clients)+len(e.part.unknown)), maxPictureHeight)
}

// pageCode returns the style sheet and the scripts of the page.
func pageCode() (template.CSS, template.JS, error) {
	style, err := reportFiles.ReadFile("report/style.css")
	if err != nil {
		return "", "", err
	}
	var script strings.Builder
	for _, name := range reportScripts {
		text, err := reportFiles.ReadFile("report/" + name)
		if err != nil {
			return "", "", err
		}
		script.Write(text)
	}
	return template.CSS(style), template.JS(script.String()), nil // both are ours
}

func threadsOf(o Options) int {
	n, _ := o.threads() // a test has run with them
	return n
}

// tiles are the key figures in the order in which people ask for them.
func tiles(r Result) []tile {
	f := r.Figures
	outage := tile{"Longest time without a write", fmt.Sprintf("%.0f", f.LongestGapMS), "ms", "between two served writes or cas"}
	if o := f.Outages; o.LeaderLost > 0 {
		outage = tile{
			"Longest outage", fmt.Sprintf("%.0f", o.LongestMS), "ms",
			fmt.Sprintf("until writing went on after a lost leader; median of %d: %.0f ms; %d unended", o.LeaderLost, o.MedianMS, o.Unended),
		}
	}
	list := []tile{
		{
			"Served of servable", fmt.Sprintf("%.2f", 100*f.ServableShare), "%",
			fmt.Sprintf("%d of %d; %.2f %% of all requests", f.ServableServed, f.Servable, 100*f.ServedShare),
		},
		outage,
		{"Operations", fmt.Sprint(f.Operations.Total), "", fmt.Sprintf("in %.1f s, %.1f per second; %d ok", f.Seconds, perSecond(f), f.Operations.OK)},
	}
	for _, name := range slices.Sorted(maps.Keys(f.Latency)) {
		q := f.Latency[name]
		list = append(list, tile{"Latency of " + name, fmt.Sprintf("%.1f / %.1f", q.P50, q.P99), "ms", "median / 99th percentile, served"})
	}
	return append(list,
		tile{
			"Messages between nodes", fmt.Sprintf("%.2f", f.ServersPerOK), "per ok",
			fmt.Sprintf("%d in all; %.2f per operation invoked", f.Messages.Servers.Sent, f.ServersPerInvocation),
		},
		tile{"Protocol violations", fmt.Sprint(r.ViolationCount), "", "lines that Maelstrom's protocol does not allow"})
}

func latencyRows(f Figures) []latencyRow {
	var rows []latencyRow
	for _, name := range slices.Sorted(maps.Keys(f.Latency)) {
		rows = append(rows, latencyRow{name, "", f.Latency[name]})
		for _, part := range []struct {
			where string
			from  map[string]Quantiles
		}{{"at the leader", f.LatencyAtLeader}, {"at a follower", f.LatencyAtFollowers}} {
			if q, ok := part.from[name]; ok {
				rows = append(rows, latencyRow{name, part.where, q})
			}
		}
	}
	return rows
}

// maxTypes is how many types of message are shown by name.
const maxTypes = 14

// typeRows lists types by count; the rarest are summed up.
func typeRows(f Figures) []typeData {
	sent := f.Messages.ServersByType
	kinds := slices.SortedFunc(maps.Keys(sent), func(a, b string) int {
		if d := sent[b] - sent[a]; d != 0 {
			return d
		}
		return strings.Compare(a, b)
	})
	var rows []typeData
	rest := typeData{Name: fmt.Sprintf("%d other types", len(kinds)-maxTypes)}
	for i, kind := range kinds {
		if i < maxTypes {
			rows = append(rows, typeData{clip(kind, 40), sent[kind], rounded(f.PerServedByType[kind])})
			continue
		}
		rest.Sent += sent[kind]
		rest.PerServed = rounded(rest.PerServed + f.PerServedByType[kind])
	}
	if len(kinds) > maxTypes {
		rows = append(rows, rest)
	}
	return rows
}

// clip cuts a text to about n bytes, between two characters.
func clip(text string, n int) string {
	if len(text) <= n {
		return text
	}
	return fmt.Sprintf("%s... (%d bytes)", strings.ToValidUTF8(text[:n], ""), len(text))
}

// clipAll clips the texts of a list and the list itself.
func clipAll(texts []string, n int) []string {
	var out []string
	for i, text := range texts {
		if i == n {
			return append(out, fmt.Sprintf("... and %d more", len(texts)-n))
		}
		out = append(out, clip(text, maxShownText))
	}
	return out
}

// millis is a time in milliseconds, to the microsecond.
func millis(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// rounded keeps three decimals.
func rounded(x float64) float64 { return float64(int64(x*1000+0.5)) / 1000 }
