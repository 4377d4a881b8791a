package wal

// NameOf is the name of a generation's file.
var NameOf = nameOf
