package doctor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/mcpkeep/mcpkeep/internal/db"
	"github.com/mcpkeep/mcpkeep/internal/keyring"
	"github.com/mcpkeep/mcpkeep/internal/repo"
)

// schema compares the schema with what this program needs.
func (d *Doctor) schema(ctx context.Context) {
	if d.db == nil {
		d.behind = true
		d.skip(areaSchema, "schema_version", "the schema is not known before the database answers")
		return
	}
	ctx, cancel := context.WithTimeout(ctx, databaseWait)
	defer cancel()
	version, err := d.db.Version(ctx)
	needed := db.NeededVersion()
	f := Finding{Area: areaSchema, Check: "schema_version", Status: OK, What: fmt.Sprintf("schema %d, as this program needs", version)}
	d.behind = err != nil || version < needed
	switch {
	case err != nil:
		f = Finding{Area: areaSchema, Check: "schema_version", Status: Failed, What: oneLine(err),
			Why: "The server cannot tell what is in the database.", Mend: "Check the user's rights; `mcpkeep migrate status` shows more."}
	case version > needed:
		f.Status, f.What = Warning, fmt.Sprintf("schema %d is newer than what this program knows (%d)", version, needed)
		f.Why = "A newer version has migrated: this one serves meanwhile, and should be on its way out."
		f.Mend = "Upgrade this program."
	case version < needed && d.AutoMigrate:
		f.Status, f.What = Warning, fmt.Sprintf("schema %d, this program needs %d", version, needed)
		f.Why = "The server migrates at its next start; until then commands do not work."
		f.Mend = "Start `mcpkeep serve`, or run `mcpkeep migrate up`."
	case version < needed:
		f.Status, f.What = Failed, fmt.Sprintf("schema %d, this program needs %d, and MCPKEEP_AUTO_MIGRATE is off", version, needed)
		f.Why = "The server is not ready before somebody migrates."
		f.Mend = "Run `mcpkeep migrate up`."
	}
	d.add(f)
}

// keys compares the configured keys with those on record.
func (d *Doctor) keys(ctx context.Context) {
	ring, err := d.Keys()
	if err != nil {
		d.badKeys(err)
		return
	}
	onRecord, known := d.keysOnRecord(ctx)
	switch {
	case ring.Primary() == "" && len(onRecord) > 0:
		d.add(Finding{
			Area: areaKeys, Check: "keys_configured", Status: Failed, What: "no key is configured, and the database needs " + strings.Join(onRecord, ", ") + d.atFile(),
			Why: "What is sealed does not open without it: the server does not start.", Mend: d.bringBack(),
		})
		return
	case ring.Primary() == "" && d.KeyFile == "":
		d.add(Finding{
			Area: areaKeys, Check: "keys_configured", Status: Failed, What: "no key is configured",
			Why: "With PostgreSQL the server does not start without one.", Mend: "Make one with `mcpkeep keys generate`, keep a copy apart from the database, and give it by MCPKEEP_ENCRYPTION_KEYS.",
		})
		return
	case ring.Primary() == "":
		d.ok(areaKeys, "keys_configured", "the server makes the key file "+d.KeyFile+" at its first start")
		return
	}
	d.ok(areaKeys, "keys_configured", number(len(ring.IDs()), "key", "keys")+" configured, "+ring.Primary()+" seals"+d.atFile())
	if !known {
		d.skip(areaKeys, "keys_on_record", "the keys on record are not known before the database answers")
		return
	}
	d.compareKeys(ctx, ring)
}

func (d *Doctor) atFile() string {
	if d.KeyFile == "" {
		return ""
	}
	return " (file " + d.KeyFile + ")"
}

func (d *Doctor) bringBack() string {
	if d.KeyFile != "" {
		return "Bring the file " + d.KeyFile + " back from its copy, or give the key by MCPKEEP_ENCRYPTION_KEYS. If it is lost, see “A lost or leaked key” in docs/operations.md."
	}
	return "Give it by MCPKEEP_ENCRYPTION_KEYS. If it is lost, see “A lost or leaked key” in docs/operations.md."
}

// badKeys is about keys that cannot be read. The error holds nothing of them.
func (d *Doctor) badKeys(err error) {
	mend := "Give comma-separated Fernet keys, or file:PATH; `mcpkeep keys generate` makes a key."
	switch {
	case errors.Is(err, fs.ErrNotExist):
		mend = d.bringBack()
	case d.KeyFile != "":
		mend = "Make the file " + d.KeyFile + " readable for its owner only (chmod 600) and owned by the user that runs the server; it holds one key a line."
	}
	d.add(Finding{
		Area: areaKeys, Check: "keys_configured", Status: Failed, What: oneLine(err),
		Why: "The server does not start without its keys.", Mend: mend,
	})
}

// keysOnRecord are the ids of the keys that the database needs; known is false when
// it cannot be asked.
func (d *Doctor) keysOnRecord(ctx context.Context) (ids []string, known bool) {
	if d.db == nil {
		return nil, false
	}
	ctx, cancel := context.WithTimeout(ctx, databaseWait)
	defer cancel()
	ids, err := repo.KeysOnRecord(ctx, d.db)
	return ids, err == nil
}

func (d *Doctor) compareKeys(ctx context.Context, ring *keyring.Keyring) {
	const check = "keys_on_record"
	if d.behind {
		d.skip(areaKeys, check, "keys on record are compared when the schema is up to date")
		return
	}
	ctx, cancel := context.WithTimeout(ctx, databaseWait)
	defer cancel()
	report, err := repo.New(d.db, ring).ReportKeys(ctx, repo.VerifyNothing, nil)
	if err != nil {
		d.add(Finding{Area: areaKeys, Check: check, Status: Failed, What: oneLine(err),
			Why: "The keys cannot be held against the database.", Mend: "Run `mcpkeep keys list`."})
		return
	}
	faults := d.missingKeys(report.Keys)
	faults = d.wrongKeys(report.Keys) || faults
	if d.primary(report.Keys) || faults {
		return
	}
	d.ok(areaKeys, check, "every key on record is configured and opens its canary")
}

func (d *Doctor) missingKeys(keys []repo.Key) bool {
	missing := idsOf(keys, func(k repo.Key) bool { return k.State == repo.KeyActive && !k.Configured })
	if len(missing) == 0 {
		return false
	}
	d.add(Finding{
		Area: areaKeys, Check: "keys_on_record", Status: Failed,
		What: "the database needs key " + strings.Join(missing, ", ") + "; configured: " + strings.Join(idsOf(keys, func(k repo.Key) bool { return k.Configured }), ", "),
		Why:  "What was sealed with it does not open: the server does not start.",
		Mend: "Add it to MCPKEEP_ENCRYPTION_KEYS, behind the first one; `mcpkeep keys list` says what it sealed.",
	})
	return true
}

func (d *Doctor) wrongKeys(keys []repo.Key) bool {
	wrong := idsOf(keys, func(k repo.Key) bool { return k.State == repo.KeyActive && k.Canary == repo.CanaryDoesNotOpen })
	if len(wrong) == 0 {
		return false
	}
	d.add(Finding{
		Area: areaKeys, Check: "keys_canary", Status: Failed, What: "the canary of key " + strings.Join(wrong, ", ") + " does not open",
		Why:  "The record was damaged, or is of another database: the server does not start.",
		Mend: "Bring the table encryption_keys back from a backup; `mcpkeep keys list --verify` says which values open.",
	})
	return true
}

// primary says what is peculiar about the key that seals.
func (d *Doctor) primary(keys []repo.Key) bool {
	first := slices.IndexFunc(keys, func(k repo.Key) bool { return k.Primary })
	active := idsOf(keys, func(k repo.Key) bool { return k.State == repo.KeyActive })
	switch {
	case first < 0 || keys[first].State == repo.KeyActive:
		return false
	case keys[first].State == repo.KeyRetired:
		d.add(Finding{
			Area: areaKeys, Check: "keys_primary", Status: Failed, What: "key " + keys[first].ID + ", which comes first, was retired",
			Why: "Nothing can be sealed with it any more: the server does not start.", Mend: "Put the key first that replaced it (" + strings.Join(active, ", ") + "), or a new one.",
		})
	case len(active) > 0:
		d.add(Finding{
			Area: areaKeys, Check: "keys_primary", Status: Warning, What: "key " + keys[first].ID + ", which comes first, is not on record yet",
			Why:  "The first server that starts like this seals with it, and servers that do not have it answer 503 about those rows.",
			Mend: "First start every server with " + strings.Join(append(active, keys[first].ID), ",") + " (by their ids), then with the new one in front; see “Changing the key” in docs/operations.md.",
		})
	default:
		return false // a first start records it
	}
	return true
}

func idsOf(keys []repo.Key, which func(repo.Key) bool) []string {
	var ids []string
	for _, k := range keys {
		if which(k) {
			ids = append(ids, k.ID)
		}
	}
	return ids
}

func number(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
