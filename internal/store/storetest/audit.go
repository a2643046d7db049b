package storetest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tidemill/tidemill/internal/domain"
	"github.com/tidemill/tidemill/internal/errs"
	"github.com/tidemill/tidemill/internal/store"
)

// intact walks a chain from its anchor to its end and returns how many events it has.
func (b *bundle) intact(workspace string) int {
	b.Helper()
	chains := must[[]domain.AuditChain](b)(b.AuditChains(b.Context()))
	at := slices.IndexFunc(chains, func(c domain.AuditChain) bool { return c.Workspace == workspace })
	if at < 0 {
		b.Fatalf("there is no chain %q in %+v", workspace, chains)
	}
	c := chains[at]
	seq, hash, n := c.AnchorSeq, c.AnchorHash, 0
	for {
		page := must[[]domain.AuditEvent](b)(b.AuditList(b.Context(), store.AuditListParams{Workspace: workspace, OldestFirst: true, From: seq, Limit: 7}))
		if len(page) == 0 {
			break
		}
		for _, e := range page {
			if e.Seq != seq+1 || e.PrevHash != hash || e.Hash != e.Sum() {
				b.Fatalf("the chain breaks after %d: %+v", seq, e)
			}
			seq, hash = e.Seq, e.Hash
			n++
		}
	}
	if seq != c.Seq || hash != c.Hash {
		b.Fatalf("the chain ends at %d %s, its row says %+v", seq, hash, c)
	}
	return n
}

func audit(t *testing.T, b *bundle) {
	ctx := t.Context()
	full := domain.AuditEvent{
		Workspace: ws, Email: "ann@acme.test", Username: "ann", TokenID: "t1", JobID: "j1", Action: "scripts.create", Kind: domain.AuditCreated,
		Resource: "f/a/ünï", Changes: domain.JSON(`[{"field":"tag","after":"gpu"}]`), Address: "192.0.2.1", RequestID: "r1",
	}
	stored := must[domain.AuditEvent](b)(b.AuditAppend(ctx, full))
	b.recent(stored.At)
	full.Seq, full.At, full.Hash = 1, stored.At, stored.Hash
	got := must[domain.AuditEvent](b)(b.AuditGet(ctx, ws, 1))
	if fmt.Sprintf("%+v", got) != fmt.Sprintf("%+v", full) || got.Hash != full.Sum() || stored.Seq != 1 {
		t.Fatalf("got  %+v\nwant %+v", got, full)
	}
	_, err := b.AuditGet(ctx, "other", 1)
	b.want(errs.NotFound, err)
	_, err = b.AuditAppend(ctx, domain.AuditEvent{Workspace: ws, Resource: "a\x00b"})
	b.want(errs.Invalid, err)

	for _, e := range []domain.AuditEvent{
		{Workspace: ws, Email: "bob@acme.test", Username: "bob", Action: "scripts.archive", Kind: domain.AuditDeleted, Resource: "f/a/x"},
		{Workspace: ws, Email: "ann@acme.test", Username: "ann", Action: "jobs.cancel", Kind: domain.AuditExecute, Resource: "42"},
		{Email: "ann@acme.test", Action: "users.login", Kind: domain.AuditExecute, Resource: "ann@acme.test"},
	} {
		must[domain.AuditEvent](b)(b.AuditAppend(ctx, e))
	}
	for _, c := range []struct {
		p    store.AuditListParams
		want []int64
	}{
		{store.AuditListParams{Workspace: ws}, []int64{3, 2, 1}},
		{store.AuditListParams{Workspace: ws, OldestFirst: true}, []int64{1, 2, 3}},
		{store.AuditListParams{Workspace: ws, From: 3, Limit: 1}, []int64{2}},
		{store.AuditListParams{Workspace: ws, From: 1, OldestFirst: true}, []int64{2, 3}},
		{store.AuditListParams{Workspace: ws, Limit: 1, Offset: 2}, []int64{1}},
		{store.AuditListParams{Workspace: ws, User: "ann"}, []int64{3, 1}},
		{store.AuditListParams{Workspace: ws, User: "bob@acme.test"}, []int64{2}},
		{store.AuditListParams{Workspace: ws, ActionPrefix: "scripts."}, []int64{2, 1}},
		{store.AuditListParams{Workspace: ws, Actions: []string{"jobs.cancel", "scripts.create"}}, []int64{3, 1}},
		{store.AuditListParams{Workspace: ws, NotActions: []string{"jobs.cancel", "scripts.create"}}, []int64{2}},
		{store.AuditListParams{Workspace: ws, Kind: domain.AuditExecute}, []int64{3}},
		{store.AuditListParams{Workspace: ws, ResourcePrefix: "f/a/"}, []int64{2, 1}},
		{store.AuditListParams{Workspace: ws, After: stored.At.Add(-time.Hour), Before: stored.At.Add(time.Hour)}, []int64{3, 2, 1}},
		{store.AuditListParams{Workspace: ws, After: stored.At.Add(time.Hour)}, nil},
		{store.AuditListParams{Workspace: ws, Before: stored.At.Add(-time.Hour)}, nil},
		{store.AuditListParams{}, []int64{1}},
		{store.AuditListParams{Workspace: "other"}, nil},
	} {
		var got []int64
		for _, e := range must[[]domain.AuditEvent](b)(b.AuditList(ctx, c.p)) {
			got = append(got, e.Seq)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%+v: got %v, want %v", c.p, got, c.want)
		}
	}

	// What is rolled back leaves no gap.
	b.want(errs.Conflict, b.Tx(ctx, func(ctx context.Context, tx store.Nouns) error {
		if _, err := tx.AuditAppend(ctx, domain.AuditEvent{Workspace: ws, Action: "never"}); err != nil {
			return err
		}
		return errs.New(errs.Conflict, "no")
	}))
	b.ok(b.Tx(ctx, func(ctx context.Context, tx store.Nouns) error {
		for range 2 {
			if _, err := tx.AuditAppend(ctx, domain.AuditEvent{Workspace: ws, Action: "both"}); err != nil {
				return err
			}
		}
		return nil
	}))
	if n := b.intact(ws); n != 5 {
		t.Errorf("%d events, want 5", n)
	}
	if n := b.intact(""); n != 1 {
		t.Errorf("%d events of the instance, want 1", n)
	}
}

// auditRace: many who write the same chains at once, in transactions with other work, make one chain each.
func auditRace(t *testing.T, b *bundle) {
	const writers, each = 8, 12
	var wg sync.WaitGroup
	failed := make(chan error, writers*each)
	for i := range writers {
		wg.Go(func() {
			for j := range each {
				workspace := []string{ws, "zoo", ""}[(i+j)%3]
				failed <- b.Tx(t.Context(), func(ctx context.Context, tx store.Nouns) error {
					if err := tx.SettingPut(ctx, fmt.Sprintf("race %d", i), domain.JSON("1")); err != nil {
						return err
					}
					if _, err := tx.AuditAppend(ctx, domain.AuditEvent{Workspace: workspace, Action: "race", Resource: fmt.Sprint(i, j)}); err != nil {
						return err
					}
					if j%4 == 3 {
						return errs.New(errs.Invalid, "rolled back")
					}
					return nil
				})
			}
		})
	}
	wg.Wait()
	close(failed)
	done := 0
	for err := range failed {
		if err == nil {
			done++
		} else if !errs.Is(err, errs.Invalid) {
			t.Error(err)
		}
	}
	if n := b.intact(ws) + b.intact("zoo") + b.intact(""); n != done || done != writers*each*3/4 {
		t.Errorf("%d events of %d transactions", n, done)
	}
}

func auditTrim(t *testing.T, b *bundle) {
	ctx := t.Context()
	later := time.Now().Add(time.Hour)
	trim := func(before time.Time, limit int) int { return must[int](b)(b.AuditTrim(ctx, ws, before, limit)) }
	if n := trim(later, 10); n != 0 {
		t.Errorf("removed %d of none", n)
	}
	for range 10 {
		must[domain.AuditEvent](b)(b.AuditAppend(ctx, domain.AuditEvent{Workspace: ws, Action: strings.Repeat("x", 3)}))
	}
	if n := trim(time.Now().Add(-time.Hour), 10); n != 0 || b.intact(ws) != 10 {
		t.Errorf("removed %d young ones", n)
	}
	if n := trim(later, 4); n != 4 || b.intact(ws) != 6 {
		t.Errorf("removed %d, %d are left", n, b.intact(ws))
	}
	if n := trim(later, 1000); n != 6 || b.intact(ws) != 0 {
		t.Errorf("removed %d, %d are left", n, b.intact(ws))
	}
	e := must[domain.AuditEvent](b)(b.AuditAppend(ctx, domain.AuditEvent{Workspace: ws, Action: "on"}))
	if e.Seq != 11 || e.PrevHash == "" || b.intact(ws) != 1 {
		t.Errorf("goes on with %+v", e)
	}
}
