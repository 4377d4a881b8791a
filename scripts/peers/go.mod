// Our core beside others, apart from the product so that its go.mod stays small.
module maelraft/scripts/peers

go 1.25.0

require (
	go.etcd.io/raft/v3 v3.6.0
	maelraft v0.0.0
)

require (
	github.com/gogo/protobuf v1.3.2 // indirect
	github.com/golang/protobuf v1.5.4 // indirect
	google.golang.org/protobuf v1.36.11 // indirect
)

replace maelraft => ../..
