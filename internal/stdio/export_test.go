package stdio

import "time"

// SetCanceledFor sets how long a canceled call may still get a response.
func SetCanceledFor(u *Upstream, d time.Duration) { u.canceledFor = d }
