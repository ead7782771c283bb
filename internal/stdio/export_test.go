package stdio

import "time"

// SetCanceledFor sets how long a canceled call may take to be answered.
func SetCanceledFor(u *Upstream, d time.Duration) { u.canceledFor = d }
