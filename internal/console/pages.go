package console

import "context"

// each visits all rows of a listing, page by page: list returns the rows after the
// given id, and idOf returns the id of a row.
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

// show prints rows as a table, or as a JSON array.
func show[T any](
	c *Console, t *Table, empty string, all func(visit func(T) error) error, object func(T) any, cellsOf func(T) []string,
) error {
	if c.JSON {
		list := array{out: c.Out}
		if err := all(func(row T) error { return list.add(object(row)) }); err != nil {
			return err
		}
		return list.end()
	}
	if err := all(func(row T) error { return t.Add(cellsOf(row)...) }); err != nil {
		return err
	}
	return t.End(empty)
}
