//go:build !linux

package db

import "time"

func sinceBoot() time.Duration { return time.Since(started) }

// started stands for the boot.
var started = time.Now()
