package server

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/identity"
	"github.com/mcpkeep/mcpkeep/internal/pages"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

const adminServerPath = adminPath + "/server"

// stateWithin bounds what the page of the server waits for.
const stateWithin = 15 * time.Second

// State is what administrators see of the server.
type State struct {
	Version              string
	Database             string // "sqlite" or "postgres"
	Schema, NeededSchema int64
	StartedAt            time.Time
	Keys                 []KeyState
	ProviderAnsweredAt   time.Time // to any replica; zero when it is not known
	Replicas             []storage.Replica
	Self                 string // the ID of this one
	Findings             []Finding
	Inspected            bool // Findings are there
}

// KeyState is an encryption key in a State.
type KeyState struct {
	ID, State string
	Missing   bool // rows need it, and it is not configured
	CreatedAt time.Time
	Rows      int64
	Sealed    []SealedRows
}

// SealedRows is how many rows of a column a key seals.
type SealedRows struct {
	Column string
	Rows   int64
}

// Finding is one of `mcpkeep doctor`.
type Finding struct {
	Status, What, Why, Fix string
	Wrong                  bool // it failed, or is a warning
}

// adminServer shows the state of the server.
func (s *Server) adminServer(w http.ResponseWriter, r *http.Request, a admin) error {
	ctx, cancel := context.WithTimeoutCause(r.Context(), stateWithin, errHanging)
	defer cancel()
	state, err := s.State(ctx)
	if err != nil {
		return err
	}
	page := s.adminView(a, adminServerPath, "Server")
	page.Sections = append(page.Sections, s.programSection(state), keySection(state.Keys), s.replicaSection(state))
	if health := s.upstreamHealth(); len(health) > 0 {
		page.Sections = append(page.Sections, upstreamSection(health))
	}
	if state.Inspected {
		page.Sections = append(page.Sections, findingSection(state.Findings))
	}
	return page.Write(w)
}

func (s *Server) programSection(state State) pages.Section {
	section := pages.Section{Title: "Program", Facts: []pages.Fact{
		{Name: "Version", Text: state.Version}, {Name: "Database", Text: state.Database}, {Name: "Schema", Text: fmt.Sprint(state.Schema)},
		{Name: "Address", Code: []string{s.BaseURL}}, {Name: "Sign-in provider", Text: s.Provider.Title()},
	}}
	if state.Schema < state.NeededSchema {
		section.Facts[2].Text += fmt.Sprintf(", but this program requires %d", state.NeededSchema)
	}
	if _, redirects := s.Provider.(identity.RedirectProvider); redirects {
		answered := pages.Fact{Name: "It last answered", At: state.ProviderAnsweredAt}
		if state.ProviderAnsweredAt.IsZero() {
			answered.Text = "Not since the start"
		}
		section.Facts = append(section.Facts, answered)
	}
	return section
}

func keySection(keys []KeyState) pages.Section {
	section := pages.Section{Title: "Encryption keys", Note: "The keys themselves are not shown, only their IDs.", Empty: "There is no key on record."}
	for _, k := range keys {
		row := pages.Row{Name: k.ID, State: k.State, Warns: k.Missing, Facts: []pages.Fact{
			{Name: "Since", At: k.CreatedAt}, {Name: "Rows that it seals", Text: fmt.Sprint(k.Rows)},
		}}
		for _, n := range k.Sealed {
			row.Facts = append(row.Facts, pages.Fact{Name: n.Column, Text: fmt.Sprint(n.Rows)})
		}
		section.Rows = append(section.Rows, row)
	}
	return section
}

func (*Server) replicaSection(state State) pages.Section {
	section := pages.Section{Title: "Replicas", Note: "Those that were seen in the last five minutes.", Empty: "None was seen."}
	for _, replica := range state.Replicas {
		row := pages.Row{Name: replica.Name, Facts: []pages.Fact{
			{Name: "Version", Text: replica.Version}, {Name: "Started", At: replica.StartedAt}, {Name: "Last seen", At: replica.SeenAt},
		}}
		if replica.ID == state.Self {
			row.State = "This page comes from it"
		}
		section.Rows = append(section.Rows, row)
	}
	return section
}

// upstreamHealth is what the traffic shows of the upstreams, by their names.
func (s *Server) upstreamHealth() map[string]upstreamState {
	if s.Upstreams == nil {
		return nil
	}
	var health map[string]upstreamState
	encoded, err := json.Marshal(s.Upstreams())
	if err != nil || json.Unmarshal(encoded, &health) != nil {
		return nil
	}
	return health
}

// upstreamState is an upstream as /readyz shows it.
type upstreamState struct {
	Status string    `json:"status"`
	Since  time.Time `json:"since"`
	Error  string    `json:"error"`
}

func upstreamSection(health map[string]upstreamState) pages.Section {
	section := pages.Section{Title: "Upstreams", Note: "As this replica’s own traffic shows them."}
	for _, name := range slices.Sorted(maps.Keys(health)) {
		h := health[name]
		section.Rows = append(section.Rows, pages.Row{Name: name, State: h.Status, Warns: h.Status == "failing", Facts: []pages.Fact{
			{Name: "Since", At: h.Since}, {Name: "Error", Text: h.Error},
		}})
	}
	return section
}

// findingSection shows what is wrong, and how much is not.
func findingSection(findings []Finding) pages.Section {
	section := pages.Section{Title: "What the doctor says", Empty: "Nothing is wrong."}
	fine := 0
	for _, f := range findings {
		if !f.Wrong {
			fine++
			continue
		}
		section.Rows = append(section.Rows, pages.Row{Name: f.What, State: f.Status, Warns: true, Facts: []pages.Fact{
			{Name: "Why it matters", Text: f.Why}, {Name: "What to do", Text: f.Fix},
		}})
	}
	section.Note = fmt.Sprintf("Checks that need no look from outside; %d found nothing wrong. “mcpkeep doctor” runs the others as well.", fine)
	return section
}
