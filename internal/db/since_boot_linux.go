package db

import (
	"time"

	"golang.org/x/sys/unix"
)

// sinceBoot counts the time while the machine is suspended as well, which the clock of
// time.Since does not.
func sinceBoot() time.Duration {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &t); err != nil {
		return time.Since(started)
	}
	return time.Duration(t.Nano())
}

// started stands for the boot where that clock is missing.
var started = time.Now()
