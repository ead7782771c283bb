package repo

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/db"
	"github.com/mcpkeep/mcpkeep/internal/db/sqlitedb"
	"github.com/mcpkeep/mcpkeep/internal/keyring"
	"github.com/mcpkeep/mcpkeep/internal/sealed"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// account is what is sealed of someone who was refused.
type account struct {
	Issuer  string   `json:"issuer"`
	Subject string   `json:"subject"`
	Login   string   `json:"login,omitempty"`
	Name    string   `json:"name,omitempty"`
	Email   string   `json:"email,omitempty"`
	Domain  string   `json:"domain,omitempty"`
	Groups  []string `json:"groups,omitempty"`
}

const (
	// maxAccount is how many bytes are sealed of an account. A provider lets people choose
	// their names, and each attempt adds a row.
	maxAccount = 2048
	// The first attempt to keep within it: runes of each text, and groups.
	maxAccountText   = 256
	maxAccountGroups = 32
)

func accountPlace(eventID string) sealed.Place {
	return sealed.Place{Table: "mcpkeep_refused_accounts", Column: "account", Row: eventID}
}

// recordRefused is sealed.Record for an event about an account.
func (r *Repo) recordRefused(ctx context.Context, q db.Querier, e storage.Event, now time.Time) error {
	plaintext, err := encodeAccount(e.Account.Person)
	if err != nil {
		return err
	}
	e.ID = storage.NewOrderedID(storage.EventIDPrefix, now)
	value, err := r.db.Seal(accountPlace(e.ID), plaintext)
	if err != nil {
		return err
	}
	if err := sealed.Record(ctx, q, e, now); err != nil {
		return err
	}
	return q.CreateRefusedAccount(ctx, sqlitedb.CreateRefusedAccountParams{
		EventID: e.ID, Account: value.Token, AccountKeyID: value.KeyID,
	})
}

// encodeAccount cuts the texts of an account until it is small enough.
func encodeAccount(p storage.Person) ([]byte, error) {
	for shorter := 1; ; shorter *= 2 {
		plaintext, err := json.Marshal(shortened(p, maxAccountText/shorter, maxAccountGroups/shorter))
		if err != nil {
			return nil, fmt.Errorf("encode an account: %w", err)
		}
		if len(plaintext) <= maxAccount {
			return plaintext, nil
		}
	}
}

// shortened returns an account with at most so many runes in each text and so many groups.
func shortened(p storage.Person, runes, groups int) account {
	a := account{
		Issuer: cut(p.Issuer, runes), Subject: cut(p.Subject, runes), Login: cut(p.Login, runes),
		Name: cut(p.Name, runes), Email: cut(p.Email, runes), Domain: cut(p.Domain, runes),
	}
	for _, group := range p.Groups[:min(groups, len(p.Groups))] {
		a.Groups = append(a.Groups, cut(group, runes))
	}
	return a
}

// cut shortens a text to so many runes, the last of which is then an ellipsis.
func cut(s string, runes int) string {
	n, end := 0, 0
	for i := range s {
		if n++; n == runes {
			end = i
		}
		if n > runes {
			return s[:end] + "…"
		}
	}
	return s
}

// DescribeRefused implements storage.EventStore.
func (r *Repo) DescribeRefused(ctx context.Context, events []storage.Event) error {
	at := map[string]int{}
	var ids []string
	for i, e := range events {
		if e.Type == storage.EventSignInRefused {
			at[e.ID] = i
			ids = append(ids, e.ID)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	return r.db.Read(ctx, "read refused accounts", func(ctx context.Context, q db.Querier) error {
		rows, err := q.ListRefusedAccounts(ctx, sqlitedb.ListRefusedAccountsParams{First: slices.Min(ids), Last: slices.Max(ids)})
		for _, row := range rows {
			if i, listed := at[row.EventID]; listed {
				events[i].Account = r.accountOf(row)
			}
		}
		return err
	})
}

func (r *Repo) accountOf(row sqlitedb.RefusedAccount) *storage.RefusedAccount {
	var a account
	err := r.db.OpenJSON(accountPlace(row.EventID), keyring.Sealed{KeyID: row.AccountKeyID, Token: row.Account}, &a)
	if err != nil {
		return &storage.RefusedAccount{Broken: err}
	}
	return &storage.RefusedAccount{Person: storage.Person{
		Issuer: a.Issuer, Subject: a.Subject, Login: a.Login, Name: a.Name, Email: a.Email, Domain: a.Domain, Groups: a.Groups,
	}}
}
