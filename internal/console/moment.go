package console

import (
	"fmt"
	"time"
)

// Moment is a time, or how long ago something was. The zero value is none.
type Moment struct {
	at  time.Time
	ago time.Duration
}

// Ago is the moment a time before now.
func Ago(d time.Duration) Moment { return Moment{ago: d} }

// At is the moment of a time.
func At(t time.Time) Moment { return Moment{at: t} }

// WantMoment is what ParseMoment accepts.
const WantMoment = "a duration such as 24h, or a time such as 2026-11-25T09:00:00Z"

// ParseMoment reads a duration or a time (RFC 3339); "" is no moment.
func ParseMoment(text string) (Moment, error) {
	if text == "" {
		return Moment{}, nil
	}
	if at, err := time.Parse(time.RFC3339, text); err == nil {
		return At(at), nil
	}
	ago, err := time.ParseDuration(text)
	switch {
	case err != nil:
		return Moment{}, fmt.Errorf("%q is neither", text)
	case ago <= 0:
		return Moment{}, fmt.Errorf("%v is out of range", ago)
	}
	return Ago(ago), nil
}

// IsZero reports whether there is none.
func (m Moment) IsZero() bool { return m == Moment{} }

// from is the time, seen from now, in whole seconds, as the store keeps times.
func (m Moment) from(now time.Time) time.Time {
	if m.ago > 0 {
		return now.Add(-m.ago).Truncate(time.Second)
	}
	return m.at.Truncate(time.Second)
}
