package oauth

// Update is a request to replace a registration (RFC 7592 §2.2).
type Update struct {
	Registration

	ClientID string
	// Secret is what the client says its secret is; "" when it says nothing. It is
	// no wish: a client does not choose its secret.
	Secret string
}

// ParseUpdate reads a client update request (RFC 7592 §2.2). What it does not
// name is replaced by the default, as at a registration, whose rules of today
// hold. It must name its client ID, and must not hold what the server sets.
//
// The error is like that of ParseRegistration.
func ParseUpdate(body []byte) (Update, error) {
	m, err := parseMembers(body)
	if err != nil {
		return Update{}, err
	}
	for _, name := range []string{
		"registration_access_token", "registration_client_uri", "client_secret_expires_at", "client_id_issued_at",
	} {
		if m.has(name) {
			return Update{}, badMetadata(name + " is set by the server and must be left out")
		}
	}
	var u Update
	if u.ClientID, err = m.text("client_id"); err != nil {
		return Update{}, err
	}
	if u.ClientID == "" {
		return Update{}, badMetadata("client_id is missing")
	}
	if u.Secret, err = m.text("client_secret"); err != nil {
		return Update{}, err
	}
	u.Registration, err = m.registration()
	return u, err
}
