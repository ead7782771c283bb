package gateway

import "time"

// SetQuiet sets after which time an event stream gets a comment.
func SetQuiet(u *Upstream, d time.Duration) { u.quiet = d }
