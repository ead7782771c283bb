package logging

import (
	"log/slog"
	"unicode/utf8"
)

// longestValue bounds a value in a log line, in bytes: much of what is logged comes from
// strangers. A stack trace has a bound of its own.
const longestValue, longestStack = 512, 16 << 10

// bound cuts what is too long in an attribute.
func bound(a slog.Attr) slog.Attr {
	a.Value = a.Value.Resolve()
	limit := longestValue
	if a.Key == Stack {
		limit = longestStack
	}
	switch a.Value.Kind() {
	case slog.KindString:
		a.Value = slog.StringValue(cut(a.Value.String(), limit))
	case slog.KindGroup:
		a.Value = slog.GroupValue(bounded(a.Value.Group())...)
	case slog.KindAny:
		if err, ok := a.Value.Any().(error); ok && len(err.Error()) > limit {
			a.Value = slog.StringValue(cut(err.Error(), limit))
		}
	default: // numbers and times are short
	}
	return a
}

func bounded(attrs []slog.Attr) []slog.Attr {
	cutOff := make([]slog.Attr, len(attrs))
	for i, a := range attrs {
		cutOff[i] = bound(a)
	}
	return cutOff
}

// cut shortens a text to limit bytes, without a part of a character at its end.
func cut(text string, limit int) string {
	if len(text) <= limit {
		return text
	}
	for limit > 0 && !utf8.RuneStart(text[limit]) {
		limit--
	}
	return text[:limit] + "…"
}
