package storage

import (
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"sync/atomic"
	"time"
)

// NewOrderedID returns an identifier that sorts by a time in milliseconds, and among those
// of one process by the calls (UUID version 7 with a counter, RFC 9562 sections 5.7 and
// 6.2): the prefix and the UUID. It is no secret.
func NewOrderedID(prefix string, at time.Time) string {
	const counterLow, randomBytes = 30, 4 // bits after the variant, of a counter of 42; 32 are random
	n := orderedIDs.Add(1)
	var u [16]byte
	binary.BigEndian.PutUint64(u[:], uint64(at.UnixMilli())<<16|0x7000|n>>counterLow&0xfff) // 48 bits last until the year 10889
	binary.BigEndian.PutUint64(u[8:], 0x2<<62|n&(1<<counterLow-1)<<32)
	_, _ = rand.Read(u[len(u)-randomBytes:]) // never fails
	text := hex.EncodeToString(u[:])
	return prefix + text[:8] + "-" + text[8:12] + "-" + text[12:16] + "-" + text[16:20] + "-" + text[20:]
}

var orderedIDs atomic.Uint64
