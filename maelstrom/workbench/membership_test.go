package workbench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func memberOptions(t *testing.T, seed uint64) Options {
	t.Helper()
	o := toyOptions(t, 40)
	o.NodeCount, o.Nemesis, o.NemesisInterval, o.Rate, o.Seed = 7, nemesisMembership, 0.3, 25, seed
	return o
}

// TestMembership lets toys come and go, alone and with everything else.
func TestMembership(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		nemesis, defect, says string
		strict                Verdict
	}{
		{"membership", "none", "", Valid},
		{"membership,partition,kill", "none", "", Valid},
		{"membership", "old-values", "not linearizable", Invalid},
		{"membership", "odd-member", `names "n99"`, Invalid},
	} {
		for seed := range *toySeeds {
			t.Run(fmt.Sprintf("%s/%s/%d", c.nemesis, c.defect, seed), func(t *testing.T) {
				t.Parallel()
				o := memberOptions(t, seed+1)
				o.Nemesis = c.nemesis
				if strings.Contains(c.nemesis, nemesisKill) {
					o.DataFlag, o.TimeLimit, o.Latency = toyData, 20, 2
				}
				r, text, err := run(t, c.defect, o)
				if c.strict == Invalid {
					if err != nil || r.Strict != Invalid || !strings.Contains(strings.Join(r.Reasons, "\n"), c.says) {
						t.Fatalf("%v %v %v", r.Strict, r.Reasons, err)
					}
					return
				}
				bad := slices.ContainsFunc(r.Violations, func(v *Violation) bool { return !strings.Contains(v.Why, "answered nothing") })
				if err != nil || r.LinearizableStrict.Verdict != Valid || bad {
					t.Fatalf("%v %v %v", r.LinearizableStrict.Verdict, r.Reasons, err)
				}
				checkMembership(t, r, c.nemesis == nemesisMembership)
				if !strings.Contains(text, "Membership: ") {
					t.Error("the report says nothing of it")
				}
				if c.nemesis == nemesisMembership {
					checkStore(t, r)
				}
			})
		}
	}
}

// checkMembership looks at the figures and the events of a test in which toys
// came and went; calm says that nothing else happened.
func checkMembership(t *testing.T, r Result, calm bool) {
	t.Helper()
	m := r.Figures.Membership
	if m == nil || m.Asked != m.Done+m.Refused+m.Unknown || m.Done == 0 || m.Refused == 0 {
		t.Fatalf("%+v", m)
	}
	if calm {
		for _, kind := range []string{moveJoin, moveLeave, moveReplace, moveShrink, moveGrow, moveWitness, moveTransfer} {
			if m.Moves[kind] == 0 {
				t.Errorf("no %s in %v", kind, m.Moves)
			}
		}
		if m.Sizes[0] > 2 || m.Sizes[len(m.Sizes)-1] != 7 || len(m.Sizes) < 5 || m.Errors["change-under-way"] == 0 || m.Errors["given-up"] == 0 {
			t.Errorf("%+v", m)
		}
		if f := r.Figures; f.ServableShare != 1 || f.Servable != f.Operations.Total || f.Outages.Cuts != 0 {
			t.Errorf("%d of %d could be served, %d were", f.Servable, f.Operations.Total, f.ServableServed)
		}
	}
	lines, err := os.ReadFile(filepath.Join(r.Store, historyFile))
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(lines), `"start-membership"`); n != m.Asked || strings.Count(string(lines), `"stop-membership"`) != n {
		t.Errorf("%d changes are in the history, not %d", n, m.Asked)
	}
}

// TestNoAdminProtocol: what cannot be asked for is said at once, as a bad
// option.
func TestNoAdminProtocol(t *testing.T) {
	t.Parallel()
	for defect, says := range map[string]string{"no-admin": `"code":10`, "mute": "nothing within 5s", "no-init": "I refuse"} {
		r, _, err := run(t, defect, memberOptions(t, 1))
		bad := (*OptionError)(nil)
		if errors.As(err, &bad) == (defect == "no-init") || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v", defect, err)
		}
		if r.Figures.Operations.Total > 0 {
			t.Errorf("%s: it was tested nevertheless", defect)
		}
	}
}

// TestMovesDependOnTheSeed: with nothing else going on, the same seed makes the
// same moves at the same times, and another does not.
func TestMovesDependOnTheSeed(t *testing.T) {
	t.Parallel()
	moves := func(seed uint64) string {
		o := memberOptions(t, seed)
		o.TimeLimit, o.Rate = 15, 5
		r, _, err := run(t, "none", o)
		if err != nil {
			t.Fatal(err)
		}
		lines, err := os.ReadFile(filepath.Join(r.Store, historyFile))
		if err != nil {
			t.Fatal(err)
		}
		var out []string
		for line := range strings.Lines(string(lines)) {
			var e event
			if strings.Contains(line, `"start-membership"`) && json.Unmarshal([]byte(strings.Replace(line, `"nemesis"`, "-1", 1)), &e) == nil {
				out = append(out, fmt.Sprint(time.Duration(e.Time).Round(10*time.Millisecond), string(e.Value)))
			}
		}
		return strings.Join(out, "\n")
	}
	first := moves(3)
	if again := moves(3); again != first || first == "" {
		t.Errorf("the same seed made\n%s\nand then\n%s", first, again)
	}
	if moves(4) == first {
		t.Error("another seed made the same")
	}
}

// TestInsist: what is asked again, of whom, and when it is enough.
func TestInsist(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		what    change
		answers string // codes, or ok, joint or nothing; to the last request over and over
		asks    string // first letters and nodes
		done    bool
	}{
		"at once":                 {change{Type: adminRemove}, "ok", "r1", true},
		"not now, busy, done":     {change{Type: adminRemove}, "11 30 ok", "r1 r2 r0", true},
		"the last voter":          {change{Type: adminRemove}, "22", "r1", false},
		"malformed":               {change{Type: adminRemove}, "12", "r1", false},
		"no member":               {change{Type: adminRemove}, "20", "r1", false},
		"given up":                {change{Type: adminReplace}, "14", "r1", false},
		"a learner is behind":     {change{Type: adminPromote}, "22 22 22 ok", "p1 p2 p0 p1", true},
		"it promoted itself":      {change{Type: adminPromote}, "22 21", "p1 p2", true},
		"is a learner already":    {change{Type: adminAddLearner}, "21", "a1", false},
		"never now":               {change{Type: adminRemove}, "11", "r1 r2 r0 r1 r2 r0 r1 r2 r0 r1", false},
		"nobody knows":            {change{Type: adminRemove}, "13 ok", "r1 c1", false},
		"no answer":               {change{Type: adminRemove}, "nothing ok", "r1 c1", false},
		"no answer, no look":      {change{Type: adminRemove}, "nothing nothing 11 ok", "r1 c1 c2 c0", false},
		"over when it is left":    {change{Type: adminReplace}, "joint joint joint ok", "r1 c1 c1 c1", true},
		"unknown, and it goes on": {change{Type: adminReplace}, "13 joint ok", "r1 c1 c1", false},
	} {
		synctest.Test(t, func(t *testing.T) {
			var asks []string
			script := words(c.answers)
			h := newHistory(newClock())
			m := &membership{nodes: nodeNames(3), history: h, limit: time.Minute, patient: time.Second, pause: 100 * time.Millisecond}
			m.call = func(_ context.Context, dest string, build func(int64) []byte, _ time.Duration) (reply, error) {
				kind := bodyType(build(1))
				asks = append(asks, kind[:1]+dest[1:])
				answer := script[0]
				script = script[min(1, len(script)-1):]
				text := fmt.Sprintf(`{"type":"error","code":%s}`, answer)
				switch answer {
				case "nothing":
					return reply{}, errClientTimeout
				case "ok":
					text = fmt.Sprintf(`{"type":"%s_ok","configuration":{"index":2,"voters":["n2"]}}`, kind)
				case "joint":
					text = fmt.Sprintf(`{"type":"%s_ok","configuration":{"index":1,"voters":["n2"],"outgoing":["n1"]}}`, kind)
				}
				r := reply{line: []byte(text)}
				return r, json.Unmarshal(r.line, &r.fields)
			}
			done := m.insist(t.Context(), moveJoin, c.what, words("n1 n2 n0"))
			if got := strings.Join(asks, " "); got != c.asks || done != c.done {
				t.Errorf("%s: %s, done %v; want %s, %v", name, got, done, c.asks, c.done)
			}
			if n := len(h.finish().admin); n != len(asks) {
				t.Errorf("%s: %d requests are recorded of %d", name, n, len(asks))
			}
		})
	}
}

// TestDrawMove: every move leaves a voter with data, and asks for what can be.
func TestDrawMove(t *testing.T) {
	t.Parallel()
	nodes := nodeNames(7)
	for name, c := range map[string]struct {
		now  configuration
		want string // the kinds that can be drawn
	}{
		"all vote":         {configuration{Voters: nodes}, "leave shrink transfer"},
		"some vote":        {configuration{Voters: nodes[:4], Learners: nodes[4:5]}, "grow join leave replace shrink transfer witness"},
		"one votes":        {configuration{Voters: nodes[:1]}, "grow join replace"},
		"one, and a third": {configuration{Voters: nodes[:2], Witnesses: nodes[1:2]}, "grow join leave replace"},
		"all are members":  {configuration{Voters: sortedSet(nodes[:5], nodes[6:]), Learners: nodes[5:6], Witnesses: nodes[6:]}, "grow join leave replace shrink transfer"},
	} {
		seen := map[string]int{}
		sizes := map[int]bool{}
		for k := range 2000 {
			kind, steps := drawMove(stream(uint64(k), purposeNemesis, name), nodes, c.now)
			seen[kind]++
			after := c.now
			for _, s := range steps {
				after = s.target(after)
			}
			checkMove(t, name, kind, c.now, after, nodes)
			sizes[len(after.Voters)] = true
		}
		var kinds []string
		for kind, n := range seen {
			if kinds = append(kinds, kind); n < 2000/len(seen)*3/4 && kind != moveTransfer || kind == moveTransfer && (n < 150 || n > 250) {
				t.Errorf("%s: %s was drawn %d times", name, kind, n)
			}
		}
		slices.Sort(kinds)
		if got := strings.Join(kinds, " "); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
		if name == "some vote" && len(sizes) != 7 {
			t.Errorf("%s: sizes %v", name, sizes)
		}
	}
	if kind, steps := drawMove(stream(1, purposeNemesis, ""), nodes[:1], configuration{Voters: nodes[:1]}); steps != nil {
		t.Errorf("a single node can %s", kind)
	}
}

func checkMove(t *testing.T, name, kind string, before, after configuration, nodes []string) {
	t.Helper()
	grown := len(after.Voters) - len(before.Voters)
	right := map[string]bool{
		moveJoin: grown == 1, moveGrow: grown > 0, moveShrink: grown < 0, moveTransfer: fmt.Sprint(before) == fmt.Sprint(after),
		moveReplace: !slices.Equal(before.Voters, after.Voters), moveWitness: len(after.Witnesses) == 1,
		moveLeave: len(slices.Concat(after.Voters, after.Learners)) < len(slices.Concat(before.Voters, before.Learners)),
	}[kind]
	if len(after.data()) == 0 || !right || len(without(after.Witnesses, after.Voters)) > 0 {
		t.Errorf("%s: %s leads from %+v to %+v", name, kind, before, after)
	}
	if all := slices.Concat(after.Voters, after.Learners); len(sortedSet(all)) != len(all) || len(sortedSet(nodes, all)) != len(nodes) {
		t.Errorf("%s: %s leads to %+v", name, kind, after)
	}
}

// TestAdminAnswers: what an answer means, and what is wrong with it.
func TestAdminAnswers(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		body, outcome  string
		unknown, fault bool
	}{
		{`{"type":"remove_ok","configuration":{"index":3,"voters":["n0"]}}`, "ok", false, false},
		{`{"type":"remove_ok","configuration":{"index":3,"voters":["n0"],"outgoing":["n1","n2"],"more":1}}`, "ok", false, false},
		{`{"type":"remove_ok","configuration":{"index":3,"voters":["n0"],"witnesses":["n0"]}}`, "malformed-reply", true, true},
		{`{"type":"remove_ok","configuration":{"index":3,"voters":[]}}`, "malformed-reply", true, true},
		{`{"type":"remove_ok","configuration":{"index":3,"voters":["n9"]}}`, "malformed-reply", true, true},
		{`{"type":"remove_ok"}`, "malformed-reply", true, true},
		{`{"type":"promote_ok","configuration":{"index":3,"voters":["n0"]}}`, "malformed-reply", true, true},
		{`{"type":"error","code":11}`, "temporarily-unavailable", false, false},
		{`{"type":"error","code":13}`, "crash", true, false},
		{`{"type":"error","code":14}`, "given-up", false, false},
		{`{"type":"error","code":22}`, "refused", false, false},
		{`{"type":"error","code":"22"}`, "unknown", true, true},
	} {
		r := reply{line: []byte(c.body)}
		if err := json.Unmarshal(r.line, &r.fields); err != nil {
			t.Fatal(err)
		}
		call := &adminCall{change: change{Type: adminRemove, Node: "n1"}}
		f := call.interpret(r, nodeNames(3))
		if call.outcome() != c.outcome || call.unknown() != c.unknown || (f != nil) != c.fault || (call.answer != nil) != (c.outcome == "ok") {
			t.Errorf("%s: %s, unknown %v, %v", c.body, call.outcome(), call.unknown(), f)
		}
	}
	for text, want := range map[string]string{ // witnesses may be listed among the voters, or apart
		`"voters":["n1","n0"],"witnesses":["n1"]`:                        "[n0 n1] [] [n1]",
		`"voters":["n0"],"witnesses":["n1"]`:                             "[n0 n1] [] [n1]",
		`"voters":["n0"],"witnesses":["n1"],"outgoing":["n2","n0","n1"]`: "[n0] [n0 n1 n2] [n1]",
	} {
		r := reply{fields: map[string]json.RawMessage{"type": []byte(`"configuration_ok"`), "configuration": []byte("{" + text + "}")}}
		call := &adminCall{change: change{Type: adminConfiguration}}
		if f := call.interpret(r, nodeNames(3)); f != nil || fmt.Sprint(call.answer.Voters, call.answer.Outgoing, call.answer.Witnesses) != want {
			t.Errorf("%s: %+v, %v", text, call.answer, f)
		}
	}
	body := change{Type: adminReplace, Voters: []string{"n1", "n2"}}.body(4)
	if string(body) != `{"type":"replace","voters":["n1","n2"],"msg_id":4}` {
		t.Error(string(body))
	}
}

// TestSightings: what calls tell of the configuration.
func TestSightings(t *testing.T) {
	t.Parallel()
	voters := func(index int64, ids ...string) *configuration { return &configuration{Index: index, Voters: ids} }
	ask := func(kind string, code int, answer *configuration) *adminCall {
		return &adminCall{change: change{Type: kind, Node: "n1"}, code: code, answer: answer, target: configuration{Voters: []string{"n9"}}, from: sec, to: 2 * sec}
	}
	seen := sightings([]*adminCall{
		ask(adminConfiguration, 0, voters(4, "n0")),
		ask(adminRemove, 0, voters(5, "n1")),
		ask(adminConfiguration, 0, voters(4, "n0")), // old, or the other is undone
		ask(adminRemove, adminNotNow, nil),
		ask(adminRemove, codeTimeout, nil),
		ask(adminConfiguration, codeTimeout, nil),
		ask(adminConfiguration, 0, voters(5, "n1")),
	})
	var got []string
	for _, s := range seen {
		got = append(got, fmt.Sprint(s.at.Seconds(), s.configuration.Voters, s.sure))
	}
	want := "2 [n0] true, 2 [n1] true, 2 [n0] false, 1 [n9] false, 2 [n1] true"
	if text := strings.Join(got, ", "); text != want {
		t.Errorf("%s, want %s", text, want)
	}
}

// TestMembersOnThePage: the page shows who was a member, and what was asked for.
func TestMembersOnThePage(t *testing.T) {
	t.Parallel()
	s := madeUp(400) // 20 s
	if strings.Contains(pageText(t, s), `id="members"`) {
		t.Error("members are shown where none came or went")
	}
	now := func(index int64, voters, outgoing, learners, witnesses string) *configuration {
		return &configuration{index, words(voters), words(outgoing), words(learners), words(witnesses)}
	}
	call := func(at time.Duration, what change, code int, answer *configuration) *adminCall {
		return &adminCall{change: what, move: moveReplace, asked: "n1", from: at * sec, to: (at + 1) * sec, code: code, answer: answer}
	}
	replace := change{Type: adminReplace, Voters: words("n1 n2")}
	s.record.admin = []*adminCall{
		call(0, change{Type: adminConfiguration}, codeNone, now(1, "n0 n1 n2 n3 n4", "", "", "")),
		call(3, replace, adminBusy, nil),
		call(4, replace, codeNone, now(2, "n1 n2 n4", "n0 n1", "n3", "n4")),
	}
	s.eras = newEras(s.nodes, sightings(s.record.admin))
	s.result.Figures.Membership = newMembership(s.nodes, s.record.admin)
	s.messages = nil // which are read already
	text := pageText(t, s)
	checkPage(t, text)
	for _, says := range []string{`id="members"`, "replace n1 n2", "change-under-way", "n1 n2; leaving n0 n1; learners n3; witnesses n4", "Of 2 changes that were asked for 1 were done, 1 were refused"} {
		if !strings.Contains(text, says) {
			t.Errorf("the page does not say %q", says)
		}
	}
	d := pageData(t, text).Members
	var got []string
	for _, e := range d.Eras {
		got = append(got, fmt.Sprintf("%v to %v: %v %v%v%v%v", e.From, e.To, e.Voters, e.Roles[0], e.Roles[1], e.Roles[3], e.Roles[4]))
	}
	want := "0 to 1000: [5] [voter][voter][voter][voter]\n1000 to 5000: [5 3] [voter leaving voter][voter][voter learner][voter witness]\n5000 to 20000: [3] [leaving voter][voter][learner][witness]"
	if text := strings.Join(got, "\n"); text != want {
		t.Errorf("%s\nwant\n%s", text, want)
	}
	if len(d.Asked) != 2 || d.Asked[0].End != changeRefused || d.Asked[1].End != changeDone || d.Asked[1].From != 4000 {
		t.Errorf("%+v", d.Asked)
	}
}
