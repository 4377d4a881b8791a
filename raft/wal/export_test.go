package wal

import (
	"encoding/binary"
	"hash/crc32"
)

// FormatVersion is the one version that is read.
const FormatVersion = formatVersion

// NameOf is the name of a generation's file.
var NameOf = nameOf

// Reseal makes the checksums of a file right as far as its lengths make sense, so that a fuzzer gets behind them.
func Reseal(content []byte, generation uint64) []byte {
	content = append([]byte(nil), content...)
	for at := 0; len(content)-at >= headerSize; {
		h := content[at : at+headerSize]
		length := int64(binary.LittleEndian.Uint32(h[4:]))
		if length > int64(len(content)-at-headerSize) {
			break
		}
		binary.LittleEndian.PutUint32(h[16:], crc32.Checksum(content[at+headerSize:at+headerSize+int(length)], castagnoli))
		binary.LittleEndian.PutUint32(h[20:], headerSum(h, generation, int64(at)))
		at += headerSize + int(length)
	}
	return content
}
