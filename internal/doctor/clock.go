package doctor

import (
	"fmt"
	"net/http"
	"time"
)

const (
	// clockWarn is when clocks that differ begin to hurt, and clockFail when sign-ins
	// fail: a code lives for a minute.
	clockWarn = 5 * time.Second
	clockFail = time.Minute
)

// judgeClock judges how far another clock is ahead of ours, give or take a doubt.
func (d *Doctor) judgeClock(check, whose string, ahead, doubt time.Duration) {
	off := max(ahead.Abs()-doubt, 0)
	direction := "ahead of"
	if ahead < 0 {
		direction = "behind"
	}
	f := Finding{
		Area: areaClock, Check: check, Status: Warning, What: fmt.Sprintf("%s is %v %s this machine's", whose, ahead.Abs().Round(time.Second), direction),
		Why:  "Codes and tokens live by the clock: with clocks that differ between servers they end too early or too late, and providers' ID tokens are refused.",
		Mend: "Let this machine and the other one keep time by NTP (timedatectl set-ntp true).",
	}
	switch {
	case off >= clockFail:
		f.Status = Failed
	case off < clockWarn:
		d.ok(areaClock, check, whose+" and this machine's agree")
		return
	}
	d.add(f)
}

// dateClock judges the clock of whoever answered, by the Date header, which has
// whole seconds.
func (d *Doctor) dateClock(check, whose string, h http.Header, before time.Time) {
	theirs, err := http.ParseTime(h.Get("Date"))
	if err != nil {
		return
	}
	took := d.now().Sub(before)
	middle := before.Add(took / 2)
	d.judgeClock(check, whose, theirs.Add(500*time.Millisecond).Sub(middle), took/2+500*time.Millisecond)
}
