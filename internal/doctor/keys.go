package doctor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/mcpkeep/mcpkeep/internal/keyring"
	"github.com/mcpkeep/mcpkeep/internal/rekey"
	"github.com/mcpkeep/mcpkeep/internal/sealed"
	"github.com/mcpkeep/mcpkeep/internal/setting"
)

// keys compares the configured keys with those on record.
func (d *Doctor) keys(ctx context.Context) {
	ring, err := d.Keys()
	if err != nil {
		d.badKeys(err)
		return
	}
	onRecord, known := d.keysOnRecord(ctx)
	switch {
	case ring.Primary() == "" && d.DatabaseUnknown:
		d.skip(areaKeys, "keys_configured", "which keys are needed is unknown until the database is known")
		return
	case ring.Primary() == "" && len(onRecord) > 0:
		d.add(Finding{
			Area: areaKeys, Check: "keys_configured", Status: Failed, What: "no key is configured, but the database needs " + strings.Join(onRecord, ", ") + d.atFile(),
			Why: "Encrypted values cannot be read without it: the server does not start.", Fix: d.bringBack(),
		})
		return
	case ring.Primary() == "" && d.KeyFile == "":
		d.add(Finding{
			Area: areaKeys, Check: "keys_configured", Status: Failed, What: "no key is configured",
			Why: "With PostgreSQL, the server does not start without one.", Fix: "Run `mcpkeep keys generate`, keep a copy separate from the database, and set MCPKEEP_ENCRYPTION_KEYS to the key.",
		})
		return
	case ring.Primary() == "":
		d.ok(areaKeys, "keys_configured", "the server creates the key file "+d.KeyFile+" at its first start")
		return
	}
	d.ok(areaKeys, "keys_configured", number(len(ring.IDs()), "key", "keys")+" configured, "+ring.Primary()+" encrypts"+d.atFile())
	if !known {
		d.skip(areaKeys, "keys_on_record", "the keys on record are unknown until the database answers")
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
		return "Restore the file " + d.KeyFile + " from its copy, or set MCPKEEP_ENCRYPTION_KEYS to the key. If it is lost, see “A lost or leaked key” in docs/operations.md."
	}
	return "Add it to MCPKEEP_ENCRYPTION_KEYS. If it is lost, see “A lost or leaked key” in docs/operations.md."
}

// badKeys reports keys that cannot be read. The error contains no key material.
func (d *Doctor) badKeys(err error) {
	fix := "Set it to comma-separated Fernet keys or file:PATH; `mcpkeep keys generate` prints a new key."
	what := oneLine(err)
	var file *setting.FileError
	secret, isSecret := secretFix(err)
	switch {
	case isSecret:
		fix = secret
	case errors.Is(err, fs.ErrNotExist):
		fix = d.bringBack()
	case errors.As(err, &file):
		what, fix = file.Path+": "+file.Problem, fileFix(file)
	case d.KeyFile != "":
		fix = "Correct " + d.KeyFile + ": it has one Fernet key per line, as `mcpkeep keys generate` prints them."
	}
	d.add(Finding{
		Area: areaKeys, Check: "keys_configured", Status: Failed, What: what,
		Why: "The server does not start without its keys.", Fix: fix,
	})
}

// fileFix is what to do about a file of secrets.
func fileFix(e *setting.FileError) string {
	switch {
	case errors.Is(e, fs.ErrNotExist):
		return "Create the file " + e.Path + " with the value, or correct the path in the setting."
	case e.Fix == "":
		return "Correct the file " + e.Path + "."
	}
	return "Run `" + e.Fix + "`, as the file's owner or root."
}

// keysOnRecord returns the ids of the keys that the database needs; known is false if it
// cannot be queried.
func (d *Doctor) keysOnRecord(ctx context.Context) (ids []string, known bool) {
	if d.db == nil {
		return nil, false
	}
	ctx, cancel := context.WithTimeout(ctx, databaseWait)
	defer cancel()
	ids, err := sealed.KeysOnRecord(ctx, d.db)
	return ids, err == nil
}

func (d *Doctor) compareKeys(ctx context.Context, ring *keyring.Keyring) {
	const check = "keys_on_record"
	if d.behind {
		d.skip(areaKeys, check, "the keys on record are compared once the schema is up to date")
		return
	}
	ctx, cancel := context.WithTimeout(ctx, databaseWait)
	defer cancel()
	report, err := rekey.New(d.db, ring).Report(ctx, rekey.VerifyNothing, nil)
	if err != nil {
		d.add(Finding{Area: areaKeys, Check: check, Status: Failed, What: oneLine(err),
			Why: "The keys cannot be compared with the database.", Fix: "Run `mcpkeep keys list`."})
		return
	}
	faults := d.missingKeys(report.Keys)
	faults = d.wrongKeys(report.Keys) || faults
	if d.primary(report.Keys) || faults {
		return
	}
	d.ok(areaKeys, check, "every key on record is configured and correct")
}

func (d *Doctor) missingKeys(keys []rekey.Key) bool {
	missing := idsOf(keys, func(k rekey.Key) bool { return k.State == rekey.KeyActive && !k.Configured })
	if len(missing) == 0 {
		return false
	}
	fix := "Add it to MCPKEEP_ENCRYPTION_KEYS after the first key; `mcpkeep keys list` shows what it encrypts."
	if d.noneFits(keys) {
		fix = "Set MCPKEEP_ENCRYPTION_KEYS to key " + strings.Join(missing, ", ") + " in place of what is configured. If it is lost, see “A lost or leaked key” in docs/operations.md."
	}
	d.add(Finding{
		Area: areaKeys, Check: "keys_on_record", Status: Failed,
		What: "the database needs key " + strings.Join(missing, ", ") + "; configured: " + strings.Join(idsOf(keys, func(k rekey.Key) bool { return k.Configured }), ", "),
		Why:  "Values encrypted with it cannot be read: the server does not start.",
		Fix:  fix,
	})
	return true
}

// noneFits reports whether no configured key is one that the database knows: they are
// those of another database, and none of them should become its first key.
func (*Doctor) noneFits(keys []rekey.Key) bool {
	return !slices.ContainsFunc(keys, func(k rekey.Key) bool { return k.Configured && k.State == rekey.KeyActive })
}

func (d *Doctor) wrongKeys(keys []rekey.Key) bool {
	wrong := idsOf(keys, func(k rekey.Key) bool { return k.State == rekey.KeyActive && k.Canary == rekey.CanaryDoesNotOpen })
	if len(wrong) == 0 {
		return false
	}
	d.add(Finding{
		Area: areaKeys, Check: "keys_canary", Status: Failed, What: "the canary of key " + strings.Join(wrong, ", ") + " cannot be decrypted",
		Why: "The record is damaged or belongs to another database: the server does not start.",
		Fix: "Restore the table mcpkeep_encryption_keys from a backup; `mcpkeep keys list --verify` shows which values can be decrypted.",
	})
	return true
}

// primary checks the key that encrypts, and reports whether it added a finding.
func (d *Doctor) primary(keys []rekey.Key) bool {
	first := slices.IndexFunc(keys, func(k rekey.Key) bool { return k.Primary })
	active := idsOf(keys, func(k rekey.Key) bool { return k.State == rekey.KeyActive })
	switch {
	case first < 0 || keys[first].State == rekey.KeyActive:
		return false
	case keys[first].State == rekey.KeyRetired:
		d.add(Finding{
			Area: areaKeys, Check: "keys_primary", Status: Failed, What: "key " + keys[first].ID + ", which is configured first, was retired",
			Why: "It can no longer encrypt: the server does not start.", Fix: "Put its successor first (" + strings.Join(active, ", ") + "), or a new key.",
		})
	case len(active) > 0 && d.noneFits(keys):
		return false // missingKeys says what to do
	case len(active) > 0:
		d.add(Finding{
			Area: areaKeys, Check: "keys_primary", Status: Warning, What: "key " + keys[first].ID + ", which is configured first, is not on record yet",
			Why: "The first server that starts with this setting encrypts with it, and servers without it return 503 for those rows.",
			Fix: "First restart every server with " + strings.Join(append(active, keys[first].ID), ",") + " (by key id), then with the new key first; see “Changing the key” in docs/operations.md.",
		})
	default:
		return false // a first start records it
	}
	return true
}

func idsOf(keys []rekey.Key, which func(rekey.Key) bool) []string {
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
