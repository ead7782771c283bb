package storagetest

import (
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/storage"
)

var eventNumberCases = []testCase{
	{"EventNumbers/in the order of IDs", numbersInOrder},
	{"EventNumbers/later events of earlier IDs", numbersOfLate},
	{"EventNumbers/deleted events", numbersOfDeleted},
	{"EventNumbers/while others write", numbersInRace},
}

// numbered gives each event a number, and returns the details of those after one.
func (s *suite) numbered(after int64) (details []string, last int64) {
	s.Helper()
	const page = 3
	s.ok(s.NumberAllEvents(s.ctx(), func(int) {}))
	until, err := s.LastEventNumber(s.ctx())
	s.ok(err)
	for last = after; ; {
		events, err := s.EventsByNumber(s.ctx(), last, until, page)
		s.ok(err)
		for _, e := range events {
			if e.Number <= last {
				s.Errorf("number %d comes after %d", e.Number, last)
			}
			last = e.Number
			if got, err := s.EventNumber(s.ctx(), e.ID); err != nil || got != e.Number {
				s.Errorf("the number of %s is %d, %v, want %d", e.ID, got, err, e.Number)
			}
			if s.shows(e.Event) {
				details = append(details, e.Detail)
			}
		}
		if len(events) < page {
			return details, last
		}
	}
}

// late records an event, whose ID has a time.
func (s *suite) late(detail string, at time.Time) {
	s.Helper()
	s.ok(s.RecordEvent(s.ctx(), storage.Event{Type: storage.EventUserDisabled, Detail: detail}, at))
}

func numbersInOrder(s *suite) {
	for _, minute := range []int{2, 0, 3, 1, 4} {
		s.late(fmt.Sprint(minute), after(time.Duration(minute)*time.Minute))
	}
	newest, err := s.NewestEvents(s.ctx(), storage.EventFilter{}, 1)
	s.ok(err)
	if n, err := s.EventNumber(s.ctx(), newest[0].ID); n != 0 || err != nil {
		s.Errorf("the number before it is given: %d, %v", n, err)
	}
	all, _ := s.numbered(0)
	s.sameList("all", all, "0", "1", "2", "3", "4")
	_, err = s.EventNumber(s.ctx(), storage.FirstEventID(start))
	s.refused("an event that is not there", err, storage.ErrNotFound)
}

// numbersOfLate: an event whose ID is older than those that were read is read too, once.
func numbersOfLate(s *suite) {
	s.late("first", after(time.Hour))
	_, last := s.numbered(0)
	s.late("late", start)
	s.late("second", after(2*time.Hour))
	more, end := s.numbered(last)
	s.sameList("after the first", more, "late", "second")
	none, still := s.numbered(end)
	if len(none) > 0 || still != end {
		s.Errorf("after all: %q up to %d, want none up to %d", none, still, end)
	}
}

// numbersOfDeleted: numbers are given once, whatever became of the events.
func numbersOfDeleted(s *suite) {
	s.late("old", start)
	s.late("older", start.Add(-time.Hour))
	_, last := s.numbered(0)
	_, err := s.DeleteExpired(s.ctx(), after(2*time.Hour), storage.Retention{Events: time.Minute}, 100)
	s.ok(err)
	if all, _ := s.numbered(0); len(all) > 0 {
		s.Errorf("after the deletion: %q", all)
	}
	s.late("new", after(2*time.Hour))
	more, _ := s.numbered(last)
	s.sameList("after the deleted ones", more, "new")
}

// numbersInRace: with many that write and many that number, a reader that begins where it
// ended misses none and gets none twice.
func numbersInRace(s *suite) {
	const writers, each = 12, 6
	var work, numberers sync.WaitGroup
	for w := range writers {
		work.Go(func() {
			for i := range each {
				at := after(time.Duration((w*7+i*5)%writers) * time.Minute)
				if err := s.RecordEvent(s.ctx(), storage.Event{Type: storage.EventUserDisabled, Detail: fmt.Sprintf("%02d-%d", w, i)}, at); err != nil {
					s.Error(err)
				}
			}
		})
	}
	done := make(chan struct{})
	for range 3 {
		numberers.Go(func() {
			for {
				if _, err := s.NumberEvents(s.ctx(), 4); err != nil {
					s.Error(err)
				}
				select {
				case <-done:
					return
				default:
				}
			}
		})
	}
	var seen []string
	last := int64(0)
	for range 20 {
		var page []string
		page, last = s.numbered(last)
		seen = append(seen, page...)
	}
	work.Wait()
	close(done)
	numberers.Wait()
	page, _ := s.numbered(last)
	seen = append(seen, page...)
	slices.Sort(seen)
	if once := slices.Compact(slices.Clone(seen)); len(once) != writers*each || len(seen) != writers*each {
		s.Errorf("%d events, %d of them different, want %d", len(seen), len(once), writers*each)
	}
}
