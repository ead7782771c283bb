package main

import (
	"context"

	"github.com/mcpkeep/mcpkeep/internal/doctor"
	"github.com/mcpkeep/mcpkeep/internal/server"
)

// inspect performs the checks of doctor that need no look from outside.
func (c *serveCmd) inspect(ctx context.Context) []server.Finding {
	command := doctorCmd{serveFlags: c.serveFlags} // which fills in what is not set
	var list []server.Finding
	for _, f := range command.doctor().RunInside(ctx) {
		list = append(list, server.Finding{
			Status: string(f.Status), What: f.What, Why: f.Why, Fix: f.Fix, Wrong: f.Status == doctor.Failed || f.Status == doctor.Warning,
		})
	}
	return list
}
