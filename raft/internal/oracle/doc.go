// Package oracle is what the rules of packages sim and explore hold the core against where it counts for itself: written anew, so that a mistake of the
// core is not one of those who judge it.
//
// It imports package raft only.
package oracle
