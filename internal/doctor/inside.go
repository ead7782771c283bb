package doctor

import "context"

// RunInside performs the checks that need no look from outside and no other server than the
// database: settings, database, schema, keys, who may sign in, and the certificate file.
func (d *Doctor) RunInside(ctx context.Context) []Finding {
	d.findings, d.origin, d.databaseAhead = nil, d.BaseURL, nil
	d.settings()
	d.database(ctx)
	if d.db != nil {
		defer func() { _ = d.db.Close() }()
	}
	d.schema(ctx)
	d.keys(ctx)
	d.access()
	d.certificateFile()
	return d.findings
}
