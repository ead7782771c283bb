package doctor

import (
	"fmt"
	"math"
	"net/http"
	"strconv"
	"time"
)

const (
	// clockWarn is the difference that should not be, clockFail the one at which sign-ins
	// fail.
	clockWarn = 5 * time.Second
	clockFail = time.Minute
)

// clocks is a clock and the one that it is compared with.
type clocks struct {
	check, whose, with string
	ahead, doubt       time.Duration // of the first one
	status             Status        // of a difference of clockFail
	why, fix           string
}

// judgeClocks reports how far two clocks are apart.
func (d *Doctor) judgeClocks(c clocks) {
	off := max(c.ahead.Abs()-c.doubt, 0)
	if off < clockWarn {
		d.ok(areaClock, c.check, c.whose+" agrees with "+c.with)
		return
	}
	direction := "ahead of"
	if c.ahead < 0 {
		direction = "behind"
	}
	f := Finding{
		Area: areaClock, Check: c.check, Status: Warning,
		What: fmt.Sprintf("%s is %v %s %s", c.whose, c.ahead.Abs().Round(time.Second), direction, c.with), Why: c.why, Fix: c.fix,
	}
	if off >= clockFail {
		f.Status = c.status
	}
	d.add(f)
}

// Of a clock that is off on PostgreSQL, where the database's decides.
const (
	whyCorrected = "Servers use the database's time for codes, tokens and throttles. Their own clocks are only for logs and for certificates."
	fixClocks    = "Synchronize the clocks of both machines with NTP (timedatectl set-ntp true)."
	thisMachine  = "this machine's"
)

// databaseClock compares the database server's clock with this machine's, and remembers
// the difference for the provider's.
func (d *Doctor) databaseClock(ahead, roundTrip time.Duration) {
	d.databaseAhead = &ahead
	d.judgeClocks(clocks{
		check: "clock_database", whose: "the database server's clock", with: thisMachine, ahead: ahead, doubt: roundTrip / 2,
		status: Warning, why: whyCorrected, fix: fixClocks,
	})
}

// serverClock compares a running server's clock with its database's, as readyz says, where
// the database has one.
func (d *Doctor) serverClock(a answer) {
	seconds, err := strconv.ParseFloat(a.number("clock_offset_seconds"), 64)
	if err != nil {
		return
	}
	d.judgeClocks(clocks{
		check: "clock_server", whose: "the running server's clock", with: "its database's",
		ahead:  -time.Duration(math.Round(seconds * float64(time.Second))),
		status: Warning, why: whyCorrected, fix: fixClocks,
	})
}

// baseURLClock compares the clock of the server behind the base URL with this machine's.
// With SQLite it is what codes and tokens go by; a client does not mind.
func (d *Doctor) baseURLClock(h http.Header, before time.Time) {
	d.dateClock(clocks{
		check: "clock_base_url", whose: "the clock behind the base URL", with: thisMachine, status: Warning,
		why: "One of the two is wrong. With SQLite, codes and tokens expire by the server's.", fix: fixClocks,
	}, h, before)
}

// dateClock reports on the clock of the server that answered, from its Date header,
// which has whole seconds.
func (d *Doctor) dateClock(c clocks, h http.Header, before time.Time) {
	theirs, err := http.ParseTime(h.Get("Date"))
	if err != nil {
		return
	}
	took := d.now().Sub(before)
	c.ahead += theirs.Add(500 * time.Millisecond).Sub(before.Add(took / 2))
	c.doubt = took/2 + 500*time.Millisecond
	d.judgeClocks(c)
}
