// Package scripts holds no code, only tests that look at the repository as a whole: the arrows between its packages and the shape of
// its functions. The shell scripts beside them run the official Maelstrom and fill results/; gallery plants bugs and sees a test
// catch each.
package scripts
