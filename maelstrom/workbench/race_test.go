//go:build race

package workbench

// slowdown is about how much longer the race detector makes a simulation take. It finds nothing there: a simulation is one goroutine.
// So tests that are measured in seeds run that many times fewer.
const slowdown = 5
