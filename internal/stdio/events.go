package stdio

import (
	"fmt"
	"strconv"
	"strings"
)

// Bounds of what a session keeps for its client.
const (
	maxEvents     = 1000
	maxEventBytes = 8 << 20
	// maxUnread bounds what waits for a client that is connected and reads slowly. Beyond it
	// the client is cut off, and resumes the stream.
	maxUnread     = 4 * maxEventBytes
	eventOverhead = 100
)

// event is a message for a client. Its number is unique in its session.
type event struct {
	number uint64
	data   []byte
}

// stream is what goes to a client in one event stream: the one that it opens with GET, or the
// response to a POST.
type stream struct {
	number uint64
	events []event // those that are kept
	owed   int     // responses that are still to come
	plain  bool    // the client takes no event stream: nothing but responses
	ended  bool
	sent   uint64      // the last event that was written to a client
	reader *attachment // nil while no client is connected
}

// attachment is a client that is connected to a stream.
type attachment struct {
	wake   chan struct{} // something came
	gone   chan struct{} // closed when another connection took over, or this one reads too slowly
	cursor uint64        // the last event that this client has
}

// eventLog keeps the events of a session. Its session's mutex guards it.
type eventLog struct {
	last    uint64 // number of the newest event
	streams map[uint64]*stream
	opened  uint64    // number of the newest stream
	order   []*stream // that of the events that are kept, oldest first
	bytes   int
}

// standalone is the number of the stream that clients open with GET.
const standalone = 0

func newEventLog() eventLog {
	return eventLog{streams: map[uint64]*stream{standalone: {}}}
}

// open adds a stream for the response to a POST.
func (l *eventLog) open(owed int, plain bool) *stream {
	l.opened++
	s := &stream{number: l.opened, owed: owed, plain: plain, sent: l.last}
	l.streams[s.number] = s
	return s
}

// add appends an event to a stream and drops the oldest of the session.
func (l *eventLog) add(s *stream, data []byte) {
	l.last++
	s.events = append(s.events, event{l.last, data})
	l.order = append(l.order, s)
	l.bytes += len(data) + eventOverhead
	l.trim()
	s.signal()
}

func (s *stream) signal() {
	if s.reader == nil {
		return
	}
	select {
	case s.reader.wake <- struct{}{}:
	default:
	}
}

// trim drops the oldest events. What waits for a connected client stays longer.
func (l *eventLog) trim() {
	for len(l.order) > 1 && (len(l.order) > maxEvents || l.bytes > maxEventBytes) {
		s := l.order[0]
		if s.reader != nil && s.reader.cursor < s.events[0].number {
			if l.bytes <= maxUnread {
				return
			}
			s.cut()
		}
		l.bytes -= len(s.events[0].data) + eventOverhead
		s.events[0] = event{}
		s.events = s.events[1:]
		l.order[0] = nil
		l.order = l.order[1:]
		l.forget(s)
	}
}

// cut ends the connection of a client.
func (s *stream) cut() {
	if s.reader != nil {
		close(s.reader.gone)
		s.reader = nil
	}
}

// forget drops a stream that nothing more can come of.
func (l *eventLog) forget(s *stream) {
	if s.ended && s.reader == nil && len(s.events) == 0 && s.number != standalone {
		delete(l.streams, s.number)
	}
}

// attach connects a client that has the events up to a number. The newest connection of a
// stream gets what comes: that before may be a dead one.
func (s *stream) attach(after uint64) *attachment {
	s.cut()
	s.reader = &attachment{wake: make(chan struct{}, 1), gone: make(chan struct{}), cursor: after}
	return s.reader
}

// detach says that a client is no longer connected.
func (l *eventLog) detach(s *stream, a *attachment) {
	if s.reader == a {
		s.reader = nil
		l.forget(s)
		l.trim()
	}
}

// next returns what a client does not have yet, and whether that is the end of the stream.
func (s *stream) next(a *attachment) (list []event, ended bool) {
	for i := range s.events {
		if s.events[i].number > a.cursor {
			return append(list, s.events[i:]...), s.ended
		}
	}
	return nil, s.ended
}

// wrote says that a client got the events up to a number.
func (l *eventLog) wrote(s *stream, a *attachment, number uint64) {
	a.cursor = max(a.cursor, number)
	s.sent = max(s.sent, number)
	l.trim()
}

// settle says that a response was added to a stream, or will never come.
func (l *eventLog) settle(s *stream) {
	if s.owed--; s.owed <= 0 && s.number != standalone {
		s.ended = true
		s.signal()
		l.forget(s)
	}
}

// isFlowing reports whether a client is connected to a stream that takes messages.
func (s *stream) isFlowing() bool { return s.reader != nil && !s.plain && !s.ended }

// eventID is what clients resume with.
func eventID(stream, number uint64) string { return fmt.Sprintf("%d-%d", stream, number) }

// parseEventID reads an event id.
func parseEventID(id string) (stream, number uint64, ok bool) {
	first, second, ok := strings.Cut(id, "-")
	stream, err1 := strconv.ParseUint(first, 10, 64)
	number, err2 := strconv.ParseUint(second, 10, 64)
	return stream, number, ok && err1 == nil && err2 == nil
}
