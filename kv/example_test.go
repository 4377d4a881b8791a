package kv_test

import (
	"encoding/json"
	"fmt"

	"maelraft/kv"
)

// Commands are read from JSON and applied in order; results are JSON again.
func Example() {
	store := kv.New()
	for _, text := range []string{
		`{"op":"write", "key":1, "value":{"x":1.50, "y":"A"}}`,
		`{"op":"read",  "key":1}`,
		`{"op":"cas",   "key":1, "from":{"y":"\u0041", "x":15e-1}, "to":3}`,
		`{"op":"cas",   "key":1, "from":2, "to":4}`,
		`{"op":"read",  "key":2}`,
	} {
		var command kv.Command
		if err := json.Unmarshal([]byte(text), &command); err != nil {
			panic(err)
		}
		result, _ := json.Marshal(store.Apply(command))
		fmt.Println(string(result))
	}
	// Output:
	// {"status":"ok"}
	// {"status":"ok","value":{"x":1.50,"y":"A"}}
	// {"status":"ok"}
	// {"status":"mismatch"}
	// {"status":"missing"}
}

// A value keeps its spelling; equality does not look at it.
func ExampleParseValue() {
	a, _ := kv.ParseValue([]byte(`{"n": 1.50, "name": "\u0041"}`))
	b, _ := kv.ParseValue([]byte(`{"name": "A", "n": 15e-1}`))
	fmt.Println(a, a.Canonical(), a.Equal(b))

	integer, _ := kv.ParseValue([]byte(`1`))
	decimal, _ := kv.ParseValue([]byte(`1.0`))
	fmt.Println(integer.Equal(decimal))
	// Output:
	// {"n":1.50,"name":"\u0041"} {"n":15e-1,"name":"A"} true
	// false
}

// A snapshot carries the whole state to another store.
func ExampleStore_Snapshot() {
	key, _ := kv.ParseValue([]byte(`"k"`))
	value, _ := kv.ParseValue([]byte(`[1, 2]`))
	store, copied := kv.New(), kv.New()
	store.Apply(kv.Command{Op: kv.Write, Key: key, Value: value})

	fmt.Println(string(store.Snapshot()))
	fmt.Println(copied.Restore(store.Snapshot()), copied.Query(kv.Command{Op: kv.Read, Key: key}).Value)
	// Output:
	// [["k",[1,2]]]
	// <nil> [1,2]
}
