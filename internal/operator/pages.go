package operator

import "context"

// each calls visit with all rows of a listing, read in pages: list returns those
// after the given id, which idOf finds in the last one of a page.
func each[T any](
	ctx context.Context, list func(ctx context.Context, after string, limit int) ([]T, error),
	idOf func(T) string, visit func(T) error,
) error {
	for after := ""; ; {
		page, err := list(ctx, after, pageSize)
		if err != nil {
			return err
		}
		for _, row := range page {
			if err := visit(row); err != nil {
				return err
			}
		}
		if len(page) < pageSize {
			return nil
		}
		after = idOf(page[len(page)-1])
	}
}

// show lists rows: as a table for people, as an array for programs.
func show[T any](
	c *Console, t *table, empty string, all func(visit func(T) error) error, object func(T) any, cellsOf func(T) []string,
) error {
	if c.JSON {
		list := array{out: c.Out}
		if err := all(func(row T) error { return list.add(object(row)) }); err != nil {
			return err
		}
		return list.end()
	}
	if err := all(func(row T) error { return t.add(cellsOf(row)...) }); err != nil {
		return err
	}
	return t.end(empty)
}
