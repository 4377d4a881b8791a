package workbench

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

const (
	// maxChanges is how many changes of the membership are listed and drawn.
	maxChanges = 300
	// maxEras is how many eras are drawn.
	maxEras = 2000
)

// How a node can be a member. One that is leaving still votes in the old half
// of a joint configuration.
const (
	memberVoter   = "voter"
	memberLearner = "learner"
	memberWitness = "witness"
	memberLeaving = "leaving voter"
	memberNone    = "not a member"
)

// role says how a node is a member.
func (c configuration) role(id string) string {
	switch {
	case slices.Contains(c.data(), id):
		return memberVoter
	case slices.Contains(c.Voters, id):
		return memberWitness
	case slices.Contains(c.Outgoing, id):
		return memberLeaving
	case slices.Contains(c.Learners, id):
		return memberLearner
	}
	return memberNone
}

// text lists the members.
func (c configuration) text() string {
	text := strings.Join(c.data(), " ")
	for _, part := range []struct {
		name string
		ids  []string
	}{{"leaving", c.Outgoing}, {"learners", c.Learners}, {"witnesses", c.Witnesses}} {
		if len(part.ids) > 0 {
			text += fmt.Sprintf("; %s %s", part.name, strings.Join(part.ids, " "))
		}
	}
	return text
}

// changeRow is a line of the list of changes; numbers start at 1.
type changeRow struct {
	Number     int
	Move, What string
	Asked      string
	From, Took time.Duration
	Answer     string
	End        string // done, refused or unknown
	Then       string
}

func changeRows(s story) ([]changeRow, string) {
	var rows []changeRow
	number := 0
	for _, c := range s.record.admin {
		if !c.asksForChange() {
			continue
		}
		if number++; number > maxChanges {
			continue
		}
		row := changeRow{Number: number, Move: c.move, What: c.text(), Asked: c.asked, From: c.from, Took: c.to - c.from, Answer: c.outcome(), End: c.end()}
		if c.answer != nil {
			row.Then = clip(c.answer.text(), maxWho)
		}
		rows = append(rows, row)
	}
	if number > maxChanges {
		return rows, fmt.Sprintf("The first %d of %d changes are listed and drawn.", maxChanges, number)
	}
	return rows, ""
}

// text says what is asked for.
func (c change) text() string {
	return clip(strings.TrimSpace(fmt.Sprintf("%s %s%s", c.Type, c.Node, strings.Join(c.Voters, " "))), maxWho)
}

// memberData is who was a member over time, and what was asked for.
type memberData struct {
	Eras  []eraData  `json:"eras"`
	Asked []callData `json:"asked"`
}

// eraData has for each node how it is a member, in all ways that are possible,
// and how many voters there are.
type eraData struct {
	From   float64    `json:"from"`
	To     float64    `json:"to"`
	Roles  [][]string `json:"roles"`
	Voters []int      `json:"voters"`
}

// callData is a change that was asked for.
type callData struct {
	From  float64  `json:"from"`
	To    float64  `json:"to"`
	End   string   `json:"end"` // done, refused or unknown
	Words []string `json:"words"`
}

func members(s story, rows []changeRow) *memberData {
	d := &memberData{}
	for i, e := range s.eras[:min(len(s.eras), maxEras)] {
		to := s.end
		if i+1 < len(s.eras) {
			to = min(to, s.eras[i+1].from)
		}
		data := eraData{From: millis(e.from), To: millis(to), Roles: make([][]string, len(s.nodes))}
		for _, c := range e.possible {
			if n := len(c.Voters); !slices.Contains(data.Voters, n) {
				data.Voters = append(data.Voters, n)
			}
			for k, id := range s.nodes {
				if role := c.role(id); !slices.Contains(data.Roles[k], role) {
					data.Roles[k] = append(data.Roles[k], role)
				}
			}
		}
		if to > e.from {
			d.Eras = append(d.Eras, data)
		}
	}
	for _, r := range rows {
		d.Asked = append(d.Asked, callData{
			millis(r.From), millis(r.From + r.Took), r.End,
			[]string{fmt.Sprintf("%d %s: %s", r.Number, r.Move, r.What), fmt.Sprintf("asked of %s: %s", r.Asked, r.Answer), r.Then},
		})
	}
	return d
}
