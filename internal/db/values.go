package db

// Nullable returns nil for "", for columns in which NULL means none.
func Nullable(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// Text returns "" for NULL.
func Text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
