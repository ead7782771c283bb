package storagetest

import (
	"fmt"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/storage"
)

var goneCases = []testCase{
	{"FinishAuthorization/deleted client", finishDeleted},
	{"FinishAuthorization/changed client", finishChanged},
	{"FinishAuthorization/race with deletion", finishDeleteRace},
	{"FinishAuthorization/race with deletion, document", finishDeleteDocumentRace},
}

// finishPlain finishes the sign-in of this id and registers nothing, not even for the case.
func (s *suite) finishPlain(id string, now time.Time) error {
	_, err := s.Store.FinishAuthorization(s.ctx(), completion(id, alice, now), now)
	return err
}

// A client that was deleted gets no grant, and the sign-in stays as it was: it can still
// register the client again.
func finishDeleted(s *suite) {
	for _, id := range []string{"row", documentID} {
		if id == documentID {
			s.keepDocument(id, id, "{}", start)
		} else {
			s.ok(s.CreateClient(s.ctx(), client(id)))
		}
		s.ok(s.StartAuthorization(s.ctx(), authorization("a "+id, id, start)))
		s.ok(s.DeleteClient(s.ctx(), id, start))
		before := s.types()
		s.refused("deleted "+id, s.finishPlain("a "+id, start), storage.ErrNoClient)
		s.refused("deleted "+id+", again", s.finishPlain("a "+id, start), storage.ErrNoClient)
		s.happened(before...)
	}
	a, err := s.Authorization(s.ctx(), "a row", start)
	if err != nil || a.Finished {
		s.Errorf("the sign-in: finished %t, %v", a.Finished, err)
	}
	_, err = s.Store.FinishAuthorization(s.ctx(), readoption("a row", "row", alice, start), start)
	s.ok(err)
	s.registered("row")
}

// Whatever comes first: when a client is deleted, none of its approvals has left anything
// that works.
func finishDeleteRace(s *suite) {
	s.deleteRaces(func(id string) { s.ok(s.CreateClient(s.ctx(), client(id))) })
}

func finishDeleteDocumentRace(s *suite) {
	s.deleteRaces(func(id string) { s.keepDocument(id, "https://client.example/"+id, "{}", start) })
}

func (s *suite) deleteRaces(create func(id string)) {
	for round := range 4 {
		id := fmt.Sprint("client ", round)
		create(id)
		const approvals = 8
		for i := range approvals + 1 {
			s.ok(s.StartAuthorization(s.ctx(), authorization(fmt.Sprint(round, " ", i), id, start)))
		}
		errs := race(approvals+1, func(i int) error {
			if i == approvals/2 {
				return s.DeleteClient(s.ctx(), id, start)
			}
			return s.finishPlain(fmt.Sprint(round, " ", i), start)
		})
		for _, err := range errs {
			if err != nil {
				s.refused("racer", err, storage.ErrNoClient)
			}
		}
		s.refused("the last sign-in, later", s.finishPlain(fmt.Sprint(round, " ", approvals/2), start), storage.ErrNoClient)
		for i := range approvals + 1 {
			name := fmt.Sprint(round, " ", i)
			f := family{client: id, grant: "grt_" + name, code: "code " + name}
			_, err := s.ExchangeCode(s.ctx(), f.exchange(start), start)
			s.refused("code of a client that is gone", err, storage.ErrNotFound)
		}
	}
}

// A client that changed since its redirect URI was looked at gets no grant, and the sign-in
// stays: it can be finished with the client as it is.
func finishChanged(s *suite) {
	was, is := client("changed"), renamed("changed")
	s.ok(s.CreateClient(s.ctx(), was))
	s.ok(s.StartAuthorization(s.ctx(), authorization("a", was.ID, start)))
	s.ok(s.UpdateClient(s.ctx(), was, is, start))
	before := s.types()
	c := completion("a", alice, start)
	for _, approved := range []storage.Client{was, client("another"), {}} {
		c.Approved = &approved.Client
		if approved.ID == "another" {
			c.Approved.RedirectURIs = []string{"https://elsewhere.example/"}
		}
		_, err := s.Store.FinishAuthorization(s.ctx(), c, start)
		s.refused("not as approved", err, storage.ErrChanged)
	}
	s.happened(before...)
	c.Approved = &is.Client
	_, err := s.Store.FinishAuthorization(s.ctx(), c, start)
	s.ok(err)
}
