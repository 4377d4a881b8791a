package driver_test

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"maelraft/raft"
	"maelraft/raft/driver"
)

// account is a state machine: a bank account that is never overdrawn. Commands are amounts, results are balances.
type account struct{ balance int }

func (a *account) Apply(_ raft.Index, amount int) int {
	if a.balance+amount >= 0 {
		a.balance += amount
	}
	return a.balance
}

func (a *account) Query(int) int { return a.balance }

func (a *account) Snapshot() []byte { return strconv.AppendInt(nil, int64(a.balance), 10) }

func (a *account) Restore(state []byte) (err error) {
	a.balance, err = strconv.Atoi(string(state))
	return err
}

// Another state machine on the core. This cluster has one node, so nobody is there to send messages to.
func Example() {
	start := time.Now()
	config := raft.Config[int]{ID: "only", Members: []raft.NodeID{"only"}, Seed: 1}
	node, err := raft.New(config, &account{}, raft.Saved[int]{}, 0)
	if err != nil {
		fmt.Println(err)
		return
	}
	d := driver.New(driver.Options[int, int]{
		Node: node, Storage: &raft.MemoryStorage[int]{}, Send: func([]raft.Message) {}, Epoch: start,
	})
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	go d.Run(ctx)

	balances := make(chan raft.Outcome[int])
	tell := func(o raft.Outcome[int]) { balances <- o }
	for _, amount := range []int{100, -30, -1000} {
		go d.Propose(amount, time.Second, tell)
		o := <-balances
		fmt.Println(amount, "->", o.Result, o.Err)
	}
	go d.Read(0, time.Second, tell)
	fmt.Println("balance:", (<-balances).Result)
	// Output:
	// 100 -> 100 <nil>
	// -30 -> 70 <nil>
	// -1000 -> 70 <nil>
	// balance: 70
}
