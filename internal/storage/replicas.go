package storage

import "time"

// Replica is a process that serves.
type Replica struct {
	ID        string
	Name      string // of its machine
	Version   string
	StartedAt time.Time
	SeenAt    time.Time
	// ProviderAnsweredAt is when the sign-in provider last responded to it; zero if it has not.
	ProviderAnsweredAt time.Time
}
