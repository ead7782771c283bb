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

func graceSameSuccessor(s *suite) {
	f := s.connect("a", "client", alice, start)
	first, err := s.RotateRefreshToken(s.ctx(), f.rotation(start), start)
	s.ok(err)
	x := f.rotation(after(time.Minute))
	second, err := s.RotateRefreshToken(s.ctx(), x, after(time.Minute))
	s.ok(err)
	if first.Repeated || !second.Repeated {
		s.Errorf("repeated: %t, %t, want false, true", first.Repeated, second.Repeated)
	}
	if diff := cmp.Diff(first.Tokens, second.Tokens); diff != "" || second.Grant.ID != f.grant {
		s.Errorf("grant %q, tokens (-first +second):\n%s", second.Grant.ID, diff)
	}
	s.alive(after(time.Minute), family{client: f.client, grant: f.grant, tokens: first.Tokens})
	s.dead(after(time.Minute), family{client: f.client, grant: "offered by the repeat", tokens: x.Next})
}

func graceExactEnd(s *suite) {
	inside, outside := s.connect("a", "client", alice, start), s.connect("b", "client", alice, start)
	s.use(s.rotate(inside, start), start)
	newest := s.rotate(outside, start)
	s.use(newest, start)
	_, err := s.RotateRefreshToken(s.ctx(), inside.rotation(start), after(grace-time.Second))
	s.refused("in the window's last second", err, nil)
	_, err = s.RotateRefreshToken(s.ctx(), outside.rotation(start), after(grace))
	s.refused("at the window's end", err, storage.ErrSpent)
	s.dead(after(grace), newest)
}

func graceNotStretched(s *suite) {
	f := s.connect("a", "client", alice, start)
	newest := s.rotate(f, start)
	for d := time.Duration(0); d < grace; d += 30 * time.Second {
		s.use(newest, after(d))
		s.rotate(f, after(d))
	}
	_, err := s.RotateRefreshToken(s.ctx(), f.rotation(start), after(grace))
	s.refused("after repeats, at the end of the first use's window", err, storage.ErrSpent)
	s.dead(after(grace), newest)
}

func graceNewestOfLine(s *suite) {
	f := s.connect("a", "client", alice, start)
	line := []family{f}
	for i := range 5 {
		line = append(line, s.rotate(line[i], after(time.Duration(i)*time.Second)))
	}
	newest := line[len(line)-1]
	for i, old := range line[:len(line)-1] {
		issued, err := s.RotateRefreshToken(s.ctx(), old.rotation(start), after(10*time.Second))
		if diff := cmp.Diff(newest.tokens, issued.Tokens); diff != "" || err != nil || !issued.Repeated {
			s.Errorf("token %d: repeated %t, %v (-newest +got):\n%s", i, issued.Repeated, err, diff)
		}
	}
	s.alive(after(10*time.Second), newest)
	// Each token of the line has a window of its own, since its successor was spent.
	_, err := s.RotateRefreshToken(s.ctx(), line[1].rotation(start), after(grace+time.Second))
	s.refused("second token, in its window", err, nil)
	_, err = s.RotateRefreshToken(s.ctx(), line[0].rotation(start), after(grace+time.Second))
	s.refused("first token, after its window", err, storage.ErrSpent)
	s.dead(after(grace+time.Second), newest)
}

func graceNone(s *suite) {
	f := s.connect("a", "client", alice, start)
	newest := s.rotate(f, start)
	x := f.rotation(start)
	x.Grace = 0
	_, err := s.RotateRefreshToken(s.ctx(), x, start)
	s.refused("a repeat in the same second", err, storage.ErrSpent)
	s.dead(start, newest)
}

// raceRotation refreshes with one token in many goroutines concurrently.
func (s *suite) raceRotation(f family, x storage.RefreshRotation, now time.Time) ([]storage.Issued, []error) {
	issued := make([]storage.Issued, racers)
	errs := race(racers, func(i int) error {
		own := x
		own.Token, own.Next = f.refresh(), newTokens(now)
		var err error
		issued[i], err = s.RotateRefreshToken(s.ctx(), own, now)
		if err != nil {
			return err
		}
		if offered := own.Next.Refresh.Value; offered != issued[i].Tokens.Refresh.Value {
			_, _, err = s.RefreshGrant(s.ctx(), storage.HashOf(offered), f.client, now)
			if !errors.Is(err, storage.ErrNotFound) {
				return errors.Join(errors.New("a token that no one received is valid"), err)
			}
		}
		return nil
	})
	return issued, errs
}

func graceRace(s *suite) {
	f := s.connect("a", "client", alice, start)
	issued, errs := s.raceRotation(f, f.rotation(start), start)
	s.ok(errors.Join(errs...))
	first := 0
	for _, got := range issued {
		if !got.Repeated {
			first++
		}
		if diff := cmp.Diff(issued[0].Tokens, got.Tokens); diff != "" {
			s.Errorf("successors differ (-first +other):\n%s", diff)
		}
	}
	if first != 1 {
		s.Errorf("%d rotations, want one and the rest repeats", first)
	}
	s.alive(start, family{client: f.client, grant: f.grant, tokens: issued[0].Tokens})
}

// Repeats of an old token and rotations of its successor run concurrently.
func graceRaceOfLine(s *suite) {
	old := s.connect("a", "client", alice, start)
	next := s.rotate(old, start)
	tokens := make([]storage.NewTokens, racers)
	errs := race(racers, func(i int) error {
		f := old
		if i%2 == 0 {
			f = next
		}
		issued, err := s.RotateRefreshToken(s.ctx(), f.rotation(start), start)
		tokens[i] = issued.Tokens
		return err
	})
	s.ok(errors.Join(errs...))
	newest, err := s.RotateRefreshToken(s.ctx(), next.rotation(start), start)
	s.ok(err)
	for i, got := range tokens {
		// A repeat of the old token may have come before its successor's rotation.
		if i%2 == 1 && got.Refresh.Value == next.tokens.Refresh.Value {
			continue
		}
		if diff := cmp.Diff(newest.Tokens, got); diff != "" {
			s.Errorf("racer %d (-newest +got):\n%s", i, diff)
		}
	}
	s.alive(start, family{client: old.client, grant: old.grant, tokens: newest.Tokens})
}

func graceRaceWithoutGrace(s *suite) {
	f := s.connect("a", "client", alice, start)
	x := f.rotation(start)
	x.Grace = 0
	won := storage.NewTokens{}
	issued, errs := s.raceRotation(f, x, start)
	successes := 0
	for i, err := range errs {
		if err == nil {
			successes++
			won = issued[i].Tokens
			continue
		}
		// The second one revokes the grant, the others find it revoked.
		if !errors.Is(err, storage.ErrSpent) && !errors.Is(err, storage.ErrNotFound) {
			s.Errorf("a loser: %v, want ErrSpent or ErrNotFound", err)
		}
	}
	if successes != 1 {
		s.Errorf("%d rotations, want one", successes)
	}
	s.dead(start, family{client: f.client, grant: f.grant, tokens: won})
}

func graceRaceAfterWindow(s *suite) {
	f := s.connect("a", "client", alice, start)
	newest := s.rotate(f, start)
	s.use(newest, start)
	_, errs := s.raceRotation(f, f.rotation(start), after(grace))
	spent := 0
	for _, err := range errs {
		if errors.Is(err, storage.ErrSpent) {
			spent++
		} else {
			s.refused("a reuse after the revocation", err, storage.ErrNotFound)
		}
	}
	if spent == 0 {
		s.Error("no reuse was reported as such")
	}
	s.dead(after(grace), newest)
}

func reuseKillsNewest(s *suite) {
	first := s.connect("a", "client", alice, start)
	second := s.rotate(first, after(time.Minute))
	third := s.rotate(second, after(2*time.Minute))
	now := after(2*time.Minute + grace)
	_, err := s.RotateRefreshToken(s.ctx(), first.rotation(now), now)
	s.refused("reuse of the first", err, storage.ErrSpent)
	s.dead(now, first, second, third)
}

func reuseKillsOneGrant(s *suite) {
	f := s.connect("a", "client", alice, start)
	sameClient, otherClient := s.connect("b", "client", alice, start), s.connect("c", "other", alice, start)
	otherPerson := s.connect("d", "client", bob, start)
	s.use(s.rotate(f, start), start)
	_, err := s.RotateRefreshToken(s.ctx(), f.rotation(start), after(grace))
	s.refused("reuse", err, storage.ErrSpent)
	s.alive(after(grace), sameClient, otherClient, otherPerson)
}
