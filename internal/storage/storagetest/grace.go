package storagetest

import (
	"errors"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mcpkeep/mcpkeep/internal/storage"
)

var graceCases = []testCase{
	{"Grace/same successor", graceSameSuccessor},
	{"Grace/exact end", graceExactEnd},
	{"Grace/not stretched by repeats", graceNotStretched},
	{"Grace/newest of the line", graceNewestOfLine},
	{"Grace/none", graceNone},
	{"Grace/race", graceRace},
	{"Grace/race of the line", graceRaceOfLine},
	{"Grace/race without grace", graceRaceWithoutGrace},
	{"Grace/race after the window", graceRaceAfterWindow},
	{"Reuse/kills the newest", reuseKillsNewest},
	{"Reuse/kills one grant only", reuseKillsOneGrant},
}

func graceSameSuccessor(k *kit) {
	f := k.connect("a", "client", alice, start)
	first, err := k.RotateRefreshToken(k.ctx(), f.rotation(start), start)
	k.ok(err)
	x := f.rotation(after(time.Minute))
	second, err := k.RotateRefreshToken(k.ctx(), x, after(time.Minute))
	k.ok(err)
	if first.Repeated || !second.Repeated {
		k.Errorf("repeated: %t, %t, want false, true", first.Repeated, second.Repeated)
	}
	if diff := cmp.Diff(first.Tokens, second.Tokens); diff != "" || second.Grant.ID != f.grant {
		k.Errorf("grant %q, tokens (-first +second):\n%s", second.Grant.ID, diff)
	}
	k.alive(after(time.Minute), family{client: f.client, grant: f.grant, tokens: first.Tokens})
	k.dead(after(time.Minute), family{client: f.client, grant: "offered by the repeat", tokens: x.Next})
}

func graceExactEnd(k *kit) {
	inside, outside := k.connect("a", "client", alice, start), k.connect("b", "client", alice, start)
	k.rotate(inside, start)
	newest := k.rotate(outside, start)
	_, err := k.RotateRefreshToken(k.ctx(), inside.rotation(start), after(grace-time.Second))
	k.refused("in the window's last second", err, nil)
	_, err = k.RotateRefreshToken(k.ctx(), outside.rotation(start), after(grace))
	k.refused("at the window's end", err, storage.ErrSpent)
	k.dead(after(grace), newest)
}

func graceNotStretched(k *kit) {
	f := k.connect("a", "client", alice, start)
	newest := k.rotate(f, start)
	for d := time.Duration(0); d < grace; d += 30 * time.Second {
		k.rotate(f, after(d))
	}
	_, err := k.RotateRefreshToken(k.ctx(), f.rotation(start), after(grace))
	k.refused("after repeats, at the end of the first use's window", err, storage.ErrSpent)
	k.dead(after(grace), newest)
}

func graceNewestOfLine(k *kit) {
	f := k.connect("a", "client", alice, start)
	line := []family{f}
	for i := range 5 {
		line = append(line, k.rotate(line[i], after(time.Duration(i)*time.Second)))
	}
	newest := line[len(line)-1]
	for i, old := range line[:len(line)-1] {
		issued, err := k.RotateRefreshToken(k.ctx(), old.rotation(start), after(10*time.Second))
		if diff := cmp.Diff(newest.tokens, issued.Tokens); diff != "" || err != nil || !issued.Repeated {
			k.Errorf("token %d: repeated %t, %v (-newest +got):\n%s", i, issued.Repeated, err, diff)
		}
	}
	k.alive(after(10*time.Second), newest)
	// Each token of the line has a window of its own.
	_, err := k.RotateRefreshToken(k.ctx(), line[1].rotation(start), after(grace))
	k.refused("second token, in its window", err, nil)
	_, err = k.RotateRefreshToken(k.ctx(), line[0].rotation(start), after(grace))
	k.refused("first token, after its window", err, storage.ErrSpent)
	k.dead(after(grace), newest)
}

func graceNone(k *kit) {
	f := k.connect("a", "client", alice, start)
	newest := k.rotate(f, start)
	x := f.rotation(start)
	x.Grace = 0
	_, err := k.RotateRefreshToken(k.ctx(), x, start)
	k.refused("a repeat in the same second", err, storage.ErrSpent)
	k.dead(start, newest)
}

// raceRotation refreshes with one token in many goroutines at once.
func (k *kit) raceRotation(f family, x storage.RefreshRotation, now time.Time) ([]storage.Issued, []error) {
	issued := make([]storage.Issued, racers)
	errs := race(racers, func(i int) error {
		own := x
		own.Token, own.Next = f.refresh(), newTokens(now)
		var err error
		issued[i], err = k.RotateRefreshToken(k.ctx(), own, now)
		if err != nil {
			return err
		}
		if offered := own.Next.Refresh.Value; offered != issued[i].Tokens.Refresh.Value {
			_, _, err = k.RefreshGrant(k.ctx(), storage.HashOf(offered), f.client, now)
			if !errors.Is(err, storage.ErrNotFound) {
				return errors.Join(errors.New("a token that nobody got is valid"), err)
			}
		}
		return nil
	})
	return issued, errs
}

func graceRace(k *kit) {
	f := k.connect("a", "client", alice, start)
	issued, errs := k.raceRotation(f, f.rotation(start), start)
	k.ok(errors.Join(errs...))
	first := 0
	for _, got := range issued {
		if !got.Repeated {
			first++
		}
		if diff := cmp.Diff(issued[0].Tokens, got.Tokens); diff != "" {
			k.Errorf("successors differ (-first +other):\n%s", diff)
		}
	}
	if first != 1 {
		k.Errorf("%d rotations, want one and the rest repeats", first)
	}
	k.alive(start, family{client: f.client, grant: f.grant, tokens: issued[0].Tokens})
}

// Repeats of an old token and rotations of its successor go on at once.
func graceRaceOfLine(k *kit) {
	old := k.connect("a", "client", alice, start)
	next := k.rotate(old, start)
	tokens := make([]storage.NewTokens, racers)
	errs := race(racers, func(i int) error {
		f := old
		if i%2 == 0 {
			f = next
		}
		issued, err := k.RotateRefreshToken(k.ctx(), f.rotation(start), start)
		tokens[i] = issued.Tokens
		return err
	})
	k.ok(errors.Join(errs...))
	newest, err := k.RotateRefreshToken(k.ctx(), next.rotation(start), start)
	k.ok(err)
	for i, got := range tokens {
		// A repeat of the old token may have come before its successor's rotation.
		if i%2 == 1 && got.Refresh.Value == next.tokens.Refresh.Value {
			continue
		}
		if diff := cmp.Diff(newest.Tokens, got); diff != "" {
			k.Errorf("racer %d (-newest +got):\n%s", i, diff)
		}
	}
	k.alive(start, family{client: old.client, grant: old.grant, tokens: newest.Tokens})
}

func graceRaceWithoutGrace(k *kit) {
	f := k.connect("a", "client", alice, start)
	x := f.rotation(start)
	x.Grace = 0
	won := storage.NewTokens{}
	issued, errs := k.raceRotation(f, x, start)
	successes := 0
	for i, err := range errs {
		if err == nil {
			successes++
			won = issued[i].Tokens
			continue
		}
		// The second one revokes the grant, the others find it revoked.
		if !errors.Is(err, storage.ErrSpent) && !errors.Is(err, storage.ErrNotFound) {
			k.Errorf("a loser: %v, want ErrSpent or ErrNotFound", err)
		}
	}
	if successes != 1 {
		k.Errorf("%d rotations, want one", successes)
	}
	k.dead(start, family{client: f.client, grant: f.grant, tokens: won})
}

func graceRaceAfterWindow(k *kit) {
	f := k.connect("a", "client", alice, start)
	newest := k.rotate(f, start)
	_, errs := k.raceRotation(f, f.rotation(start), after(grace))
	spent := 0
	for _, err := range errs {
		if errors.Is(err, storage.ErrSpent) {
			spent++
		} else {
			k.refused("a reuse after the revocation", err, storage.ErrNotFound)
		}
	}
	if spent == 0 {
		k.Error("no reuse was reported as such")
	}
	k.dead(after(grace), newest)
}

func reuseKillsNewest(k *kit) {
	first := k.connect("a", "client", alice, start)
	second := k.rotate(first, after(time.Minute))
	third := k.rotate(second, after(2*time.Minute))
	now := after(time.Minute + grace)
	_, err := k.RotateRefreshToken(k.ctx(), first.rotation(now), now)
	k.refused("reuse of the first", err, storage.ErrSpent)
	k.dead(now, first, second, third)
}

func reuseKillsOneGrant(k *kit) {
	f := k.connect("a", "client", alice, start)
	sameClient, otherClient := k.connect("b", "client", alice, start), k.connect("c", "other", alice, start)
	otherPerson := k.connect("d", "client", bob, start)
	k.rotate(f, start)
	_, err := k.RotateRefreshToken(k.ctx(), f.rotation(start), after(grace))
	k.refused("reuse", err, storage.ErrSpent)
	k.alive(after(grace), sameClient, otherClient, otherPerson)
}
