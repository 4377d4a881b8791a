package session_test

import (
	"fmt"
	"strconv"

	"maelraft/raft/session"
)

// counter is a state machine that adds: executed twice, a command would do harm.
type counter struct{ sum int }

func (c *counter) Apply(n int) int { c.sum += n; return c.sum }
func (c *counter) Query(int) int   { return c.sum }

func (c *counter) Snapshot() []byte { return strconv.AppendInt(nil, int64(c.sum), 10) }
func (c *counter) Restore(state []byte) (err error) {
	c.sum, err = strconv.Atoi(string(state))
	return err
}

// A request that is sent again is executed once and gets the same answer every time.
func Example() {
	m, err := session.New(&counter{}, func(n int) uint64 { return uint64(n) }, session.Limits{})
	if err != nil {
		panic(err)
	}
	deposit := session.Command[int]{Client: "c1", ID: 1, Op: 100}
	fmt.Println(m.Apply(1, deposit))
	fmt.Println(m.Apply(2, session.Command[int]{Client: "c2", ID: 1, Op: 7}))
	fmt.Println(m.Apply(3, deposit)) // forwarded again, after a change of leader

	deposit.Op = 50
	fmt.Println(m.Apply(4, deposit)) // the id belongs to another command
	fmt.Println(m.Query(session.Command[int]{}))
	// Output:
	// {executed 100}
	// {executed 107}
	// {executed 100}
	// {reused 0}
	// {executed 107}
}
