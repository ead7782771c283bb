package harness

import "context"

// WrongPassword registers a client at a server, opens the sign-in page in a browser of its own
// and enters a wrong password. It returns the status of the answer, or that of the step that
// was refused before.
func WrongPassword(ctx context.Context, server string) (status int, err error) {
	c, b := NewClient(server, nil), NewBrowser(nil)
	if err := c.Register(ctx); err != nil {
		return StatusOf(err), err
	}
	b.Password = "wrong"
	page, err := b.Open(ctx, c.AuthorizeURL())
	if err != nil {
		return 0, err
	}
	if page, err = b.Submit(ctx, page); page == nil {
		return 0, err
	}
	return page.Status, nil
}
