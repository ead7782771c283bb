package storage

// RefusedAccount is who could not sign in, as the provider described them. What is stored of
// it is bounded: long texts are cut and end in an ellipsis, and of many groups the first are
// kept.
type RefusedAccount struct {
	Person
	// Broken is why the account cannot be read: an UnreadableError, or ErrUnavailable when its
	// key is not configured here. Nil for one that can.
	Broken error
}

// AccountOf returns the account of someone who was refused, nil if nothing is known of them.
func AccountOf(p Person) *RefusedAccount {
	if p.Subject == "" && p.Login == "" && p.Email == "" {
		return nil
	}
	return &RefusedAccount{Person: p}
}
