package assertion

import "context"

// Refresh is what Run does from time to time.
func Refresh(ctx context.Context, s *Signer) error { return s.refresh(ctx, 0) }
