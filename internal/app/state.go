package app

import (
	"context"
	"strings"

	"github.com/mcpkeep/mcpkeep/internal/db"
	"github.com/mcpkeep/mcpkeep/internal/rekey"
	"github.com/mcpkeep/mcpkeep/internal/server"
)

// state is what administrators see of the server.
func (a *App) state(ctx context.Context) (server.State, error) {
	state := server.State{
		Version: a.host.version(), Database: a.db.Engine(), Schema: a.Schema(ctx), NeededSchema: db.NeededVersion(),
		StartedAt: a.started, Self: a.replica.ID, ProviderAnsweredAt: a.checked.settings.answered.at(),
	}
	report, err := a.onRecord().Report(ctx, rekey.VerifyNothing, nil)
	if err != nil {
		return state, err
	}
	for _, k := range report.Keys {
		state.Keys = append(state.Keys, keyState(k))
	}
	if state.Replicas, err = a.repo.Replicas(ctx, a.db.Now().Add(-seenFor)); err != nil {
		return state, err
	}
	for _, replica := range state.Replicas {
		if replica.ProviderAnsweredAt.After(state.ProviderAnsweredAt) {
			state.ProviderAnsweredAt = replica.ProviderAnsweredAt
		}
	}
	if a.host.Inspect != nil {
		state.Findings, state.Inspected = a.host.Inspect(ctx), true
	}
	return state, nil
}

// onRecord are the keys of the database, with the tables of FastMCP that are shared.
func (a *App) onRecord() *rekey.Keys {
	keys := rekey.New(a.db, a.keys)
	if theirs := a.theirs.Load(); theirs != nil {
		keys.Share(rekey.Shared{
			Tables: theirs.Tables, Opening: theirs.Opening(a.keys), Sealing: theirs.Sealing(a.keys), Clients: theirs.SealingClients(a.keys),
		})
	}
	return keys
}

func keyState(k rekey.Key) server.KeyState {
	state := server.KeyState{ID: k.ID, State: strings.ReplaceAll(string(k.State), "_", " "), CreatedAt: k.CreatedAt, Rows: k.Rows()}
	if k.Primary {
		state.State += ", primary"
	}
	if !k.Configured && k.State == rekey.KeyActive {
		state.State, state.Missing = state.State+", not configured", true
	}
	for _, n := range k.Sealed {
		state.Sealed = append(state.Sealed, server.SealedRows{Column: n.Table + "." + n.Column, Rows: n.Rows})
	}
	return state
}
