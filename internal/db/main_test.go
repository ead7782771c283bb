package db_test

import (
	"context"
	"errors"
	"strconv"
	"testing"

	"github.com/mcpkeep/mcpkeep/internal/db"
	"github.com/mcpkeep/mcpkeep/internal/db/dbtest"
)

func TestMain(m *testing.M) {
	dbtest.Main(m, map[string]dbtest.Role{"migrate": playMigrate})
}

// playMigrate migrates the database at the URL args[0] and prints how many
// migrations it applied itself.
func playMigrate(args []string) (_ string, err error) {
	ctx := context.Background()
	d, err := db.Open(ctx, args[0])
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	applied, err := d.Migrate(ctx)
	return strconv.Itoa(len(applied)), err
}
