package storetest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tidemill/tidemill/internal/domain"
	"github.com/tidemill/tidemill/internal/errs"
	"github.com/tidemill/tidemill/internal/id"
	"github.com/tidemill/tidemill/internal/store"
)

type ctxType = context.Context

// txCommit: what Tx acknowledged is there, also after the store was closed and opened anew.
func txCommit(t *testing.T, b *bundle) {
	ctx := t.Context()
	n := job("f/x/a")
	b.ok(b.Tx(ctx, func(ctx ctxType, tx store.Nouns) error {
		if err := tx.WorkspaceCreate(ctx, domain.Workspace{ID: ws}); err != nil {
			return err
		}
		if _, err := tx.WorkspaceGet(ctx, ws); err != nil { // a transaction sees its own changes
			return err
		}
		if err := tx.ScriptCreate(ctx, script("f/x/a", "a1")); err != nil {
			return err
		}
		if err := tx.JobPush(ctx, n); err != nil {
			return err
		}
		jobs, err := tx.JobClaim(ctx, store.JobClaimParams{Worker: "w", Tags: []string{"lang1"}, Limit: 1, Lease: time.Minute})
		if err != nil || len(jobs) != 1 {
			return fmt.Errorf("%d jobs: %w", len(jobs), err)
		}
		_, err = tx.JobComplete(ctx, lease(jobs[0]), success, pointer(inline("1")))
		return err
	}))
	b.push(job("f/x/b"))
	b.Store = b.reopen()
	if j := b.get(n.Job.ID); j.Status != domain.StatusSuccess || b.payload(n.Job.ID, domain.PayloadResult) != "1" {
		t.Errorf("%+v", j)
	}
	must[domain.Script](b)(b.ScriptLatest(ctx, everything, "f/x/a"))
	b.claimOne("w", time.Minute)
}

func txRollback(t *testing.T, b *bundle) {
	ctx := t.Context()
	stop := errors.New("stop")
	n := job("f/x/a")
	err := b.Tx(ctx, func(ctx ctxType, tx store.Nouns) error {
		if err := tx.WorkspaceCreate(ctx, domain.Workspace{ID: ws}); err != nil {
			return err
		}
		if err := tx.JobPush(ctx, n); err != nil {
			return err
		}
		return stop
	})
	if !errors.Is(err, stop) {
		t.Fatalf("got %v, want the error of fn", err)
	}
	_, err = b.WorkspaceGet(ctx, ws)
	b.want(errs.NotFound, err)
	_, err = b.JobGet(ctx, everything, n.Job.ID)
	b.want(errs.NotFound, err)

	// An error of a noun keeps its kind on the way out.
	b.want(errs.NotFound, b.Tx(ctx, func(ctx ctxType, tx store.Nouns) error { return tx.UserUpdate(ctx, domain.User{Email: "x"}) }))
	b.workspace()
	b.want(errs.Conflict, b.Tx(ctx, func(ctx ctxType, tx store.Nouns) error {
		if err := tx.SettingPut(ctx, "k", domain.JSON(`1`)); err != nil {
			return err
		}
		return tx.WorkspaceCreate(ctx, domain.Workspace{ID: ws})
	}))
	_, err = b.SettingGet(ctx, "k")
	b.want(errs.NotFound, err)
	// "Not found" breaks nothing: the transaction may go on.
	b.ok(b.Tx(ctx, func(ctx ctxType, tx store.Nouns) error {
		if _, err := tx.SettingGet(ctx, "k"); !errs.Is(err, errs.NotFound) {
			return fmt.Errorf("got %v", err)
		}
		return tx.SettingPut(ctx, "k", domain.JSON(`2`))
	}))
	must[domain.JSON](b)(b.SettingGet(ctx, "k"))
}

// txIsolation: of many transactions at once those that fail take nothing with them.
func txIsolation(t *testing.T, b *bundle) {
	ctx := t.Context()
	const n = 60
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			err := b.Tx(ctx, func(ctx ctxType, tx store.Nouns) error {
				if err := tx.SettingPut(ctx, fmt.Sprint("k", i), domain.JSON(fmt.Sprint(i))); err != nil {
					return err
				}
				switch i % 3 {
				case 1:
					return errors.New("no")
				case 2:
					return tx.UserUpdate(ctx, domain.User{Email: "nobody"})
				}
				return nil
			})
			if (err == nil) != (i%3 == 0) {
				t.Errorf("transaction %d: %v", i, err)
			}
		})
	}
	wg.Wait()
	for i := range n {
		_, err := b.SettingGet(ctx, fmt.Sprint("k", i))
		if i%3 == 0 {
			b.ok(err)
		} else {
			b.want(errs.NotFound, err)
		}
	}
	// A counter that is read and written in transactions: with a lock by the row that all of them write first.
	b.ok(b.SettingPut(ctx, "count", domain.JSON(`0`)))
	for range 20 {
		wg.Go(func() {
			if err := b.Tx(ctx, func(ctx ctxType, tx store.Nouns) error {
				if err := tx.SettingPut(ctx, "lock", domain.JSON(`1`)); err != nil {
					return err
				}
				v, err := tx.SettingGet(ctx, "count")
				if err != nil {
					return err
				}
				var c int
				if _, err := fmt.Sscan(string(v), &c); err != nil {
					return err
				}
				return tx.SettingPut(ctx, "count", domain.JSON(fmt.Sprint(c+1)))
			}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if v := must[domain.JSON](b)(b.SettingGet(ctx, "count")); string(v) != "20" {
		t.Errorf("counted %s, want 20", v)
	}
}

// txMisuse: mistakes of a caller are errors, not hanging or half a change.
func txMisuse(t *testing.T, b *bundle) {
	ctx := t.Context()
	b.workspace()
	b.want(errs.Internal, b.Tx(ctx, func(ctx ctxType, tx store.Nouns) error { return b.SettingPut(ctx, "k", domain.JSON(`1`)) }))
	b.want(errs.Internal, b.Tx(ctx, func(ctx ctxType, _ store.Nouns) error {
		return b.Tx(ctx, func(ctxType, store.Nouns) error { return nil })
	}))
	err := b.Tx(ctx, func(ctx ctxType, tx store.Nouns) error {
		if err := tx.SettingPut(ctx, "k", domain.JSON(`1`)); err != nil {
			return err
		}
		_ = tx.WorkspaceCreate(ctx, domain.Workspace{ID: ws}) // fails, and is ignored
		return nil
	})
	if err == nil {
		t.Error("a transaction was committed after a failed statement")
	}
	_, err = b.SettingGet(ctx, "k")
	b.want(errs.NotFound, err)
}

func events(t *testing.T, b *bundle) {
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	one := must[<-chan domain.Event](b)(b.Listen(ctx))
	other, stopOther := context.WithCancel(ctx)
	two := must[<-chan domain.Event](b)(b.Listen(other))
	next := func(ch <-chan domain.Event) (domain.Event, bool) {
		timeout := time.NewTimer(20 * time.Second)
		defer timeout.Stop()
		select {
		case e, ok := <-ch:
			return e, ok
		case <-timeout.C:
			t.Fatal("no event came")
			return domain.Event{}, false
		}
	}
	want := domain.Event{Kind: domain.EventQueued, Workspace: ws, JobID: id.New(), Status: domain.StatusQueued, Tag: "läng"}
	b.ok(b.Notify(ctx, want))
	for _, ch := range []<-chan domain.Event{one, two} {
		if e, _ := next(ch); e != want {
			t.Errorf("got %+v, want %+v", e, want)
		}
	}
	stopOther()
	if _, open := next(two); open {
		t.Error("the channel is open after its context ended")
	}
	// Many at once: more than one note can carry.
	sent := map[domain.Event]bool{}
	var many []domain.Event
	for range 300 {
		e := domain.Event{Kind: domain.EventDone, Workspace: ws, JobID: id.New(), Status: domain.StatusSuccess}
		many, sent[e] = append(many, e), true
	}
	b.ok(b.Notify(ctx, many...))
	for len(sent) > 0 {
		e, open := next(one)
		if !open {
			t.Fatal("closed")
		}
		delete(sent, e)
	}
	b.ok(b.Close())
	for {
		if _, open := next(one); !open {
			break
		}
	}
	if _, open := next(must[<-chan domain.Event](b)(b.Listen(t.Context()))); open {
		t.Error("a closed store gives an open channel")
	}
}

func unicode(t *testing.T, b *bundle) {
	ctx := t.Context()
	b.workspace()
	text := "Zoë 日本語 \U0001F600 ñ \u202e ' \" ; -- \\ % _ \n\t\x01"
	b.ok(b.UserCreate(ctx, domain.User{Email: "zoë@acme.test", Name: text}))
	if u := must[domain.User](b)(b.UserGet(ctx, "zoë@acme.test")); u.Name != text {
		t.Errorf("%q", u.Name)
	}
	s := script("f/x/a", "a1")
	s.Content, s.Summary, s.Schema = text, text, domain.JSON(`"`+"日本\U0001F600"+`"`)
	b.deploy(s)
	if got := must[domain.Script](b)(b.ScriptLatest(ctx, everything, "f/x/a")); got.Content != text || got.Summary != text || string(got.Schema) != string(s.Schema) {
		t.Errorf("%+v", got)
	}
	n := job("f/x/a")
	n.Job.Labels, n.Job.Tag = []string{text, "日本"}, "läng"
	n.Args.Inline = []byte(text)
	b.push(n)
	for _, label := range n.Job.Labels {
		if l := must[[]domain.Job](b)(b.JobList(ctx, store.JobListParams{Viewer: everything, Label: label})); len(l) != 1 || l[0].Labels[0] != text {
			t.Errorf("label %q: %+v", label, l)
		}
	}
	if jobs := must[[]domain.Job](b)(b.JobClaim(ctx, store.JobClaimParams{Worker: text, Tags: []string{"läng"}, Limit: 1, Lease: time.Minute})); len(jobs) != 1 || jobs[0].Worker != text {
		t.Errorf("%+v", jobs)
	}
}

// badText: what one database cannot store is refused by all, as invalid input.
func badText(t *testing.T, b *bundle) {
	ctx := t.Context()
	b.workspace()
	for _, bad := range []string{"zero \x00 byte", "half \xf0\x9f"} {
		s := script("f/x/a", "a1")
		s.Content = bad
		b.want(errs.Invalid, b.ScriptCreate(ctx, s))
		_, err := b.ScriptLatest(ctx, everything, bad)
		b.want(errs.Invalid, err)
		_, err = b.JobList(ctx, store.JobListParams{Viewer: everything, PathPrefix: bad})
		b.want(errs.Invalid, err)
		b.want(errs.Invalid, b.UserCreate(ctx, domain.User{Email: "a@b", Name: bad}))
		_, err = b.JobClaim(ctx, store.JobClaimParams{Worker: "w", Tags: []string{bad}, Limit: 1})
		b.want(errs.Invalid, err)
	}
	n := job("f/x/a")
	n.Args.Inline = []byte("\x00\xff") // payloads are bytes
	b.push(n)
	if b.payload(n.Job.ID, domain.PayloadArgs) != "\x00\xff" {
		t.Error("bytes changed")
	}
	if _, err := b.JobList(ctx, store.JobListParams{Viewer: everything, PathPrefix: strings.Repeat("x", 100_000), Limit: -5, Offset: -7}); err != nil {
		t.Error(err)
	}
}

func canceled(t *testing.T, b *bundle) {
	ctx, stop := context.WithCancel(t.Context())
	stop()
	b.want(errs.Canceled, b.SettingPut(ctx, "k", domain.JSON(`1`)))
	b.want(errs.Canceled, b.Tx(ctx, func(ctxType, store.Nouns) error { t.Error("fn ran"); return nil }))
	_, err := b.SettingGet(ctx, "k")
	b.want(errs.Canceled, err)
	_, err = b.SettingGet(t.Context(), "k")
	b.want(errs.NotFound, err)
	ctx, stop = context.WithDeadline(t.Context(), time.Now().Add(-time.Second))
	defer stop()
	b.want(errs.Timeout, b.SettingPut(ctx, "k", domain.JSON(`1`)))
}

func closed(t *testing.T, b *bundle) {
	ctx := t.Context()
	b.ok(b.Ping(ctx))
	if k := b.Kind(); k != "sqlite" && k != "postgres" {
		t.Errorf("kind %q", k)
	}
	b.ok(b.Close())
	b.ok(b.Close())
	b.want(errs.Unavailable, b.Ping(ctx))
	b.want(errs.Unavailable, b.SettingPut(ctx, "k", domain.JSON(`1`)))
	_, err := b.SettingGet(ctx, "k")
	b.want(errs.Unavailable, err)
	b.want(errs.Unavailable, b.Tx(ctx, func(ctxType, store.Nouns) error { return nil }))
	b.ok(b.Notify(ctx, domain.Event{Kind: domain.EventDone}))
}
