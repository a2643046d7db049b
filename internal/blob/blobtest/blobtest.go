// Package blobtest is the contract of package blob in executable form. Every implementation runs it.
package blobtest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/tidemill/tidemill/internal/blob"
	"github.com/tidemill/tidemill/internal/errs"
)

// Run runs the suite. Each call of open gives an empty store that is removed by the test's cleanup. The function reopen
// that comes with it gives the same store as a new process would see it.
func Run(t *testing.T, open func(t *testing.T) (s blob.Store, reopen func() blob.Store)) {
	for _, g := range []struct {
		name string
		run  func(t *testing.T, b *bundle)
	}{
		{"RoundTrip", roundTrip},
		{"Offsets", offsets},
		{"Replace", replace},
		{"Delete", remove},
		{"List", list},
		{"Keys", keys},
		{"FailedSource", failedSource},
		{"Canceled", canceled},
		{"Concurrent", concurrent},
		{"ReaderOutlives", readerOutlives},
		{"Large", large},
		{"Durable", durable},
	} {
		t.Run(g.name, func(t *testing.T) {
			if g.name != "Large" { // it looks at the memory of the process
				t.Parallel()
			}
			s, reopen := open(t)
			g.run(t, &bundle{T: t, Store: s, reopen: reopen})
		})
	}
}

type bundle struct {
	*testing.T
	blob.Store
	reopen func() blob.Store
}

func (b *bundle) put(key, value string) {
	b.Helper()
	n, err := b.Put(b.Context(), key, strings.NewReader(value))
	if err != nil || n != int64(len(value)) {
		b.Fatalf("put %s: %d, %v", key, n, err)
	}
}

func (b *bundle) get(key string, offset int64) string {
	b.Helper()
	r, err := b.Get(b.Context(), key, offset)
	if err != nil {
		b.Fatalf("get %s: %v", key, err)
	}
	defer r.Close()
	out, err := io.ReadAll(r)
	if err != nil {
		b.Fatalf("read %s: %v", key, err)
	}
	return string(out)
}

func (b *bundle) want(kind errs.Kind, err error) {
	b.Helper()
	if errs.KindOf(err) != kind {
		b.Fatalf("got %v (%q), want %q", err, errs.KindOf(err), kind)
	}
}

func (b *bundle) missing(key string) {
	b.Helper()
	_, err := b.Get(b.Context(), key, 0)
	b.want(errs.NotFound, err)
	_, err = b.Size(b.Context(), key)
	b.want(errs.NotFound, err)
}

func (b *bundle) list(prefix string) (out []string) {
	b.Helper()
	if err := b.List(b.Context(), prefix, func(key string, size int64) error {
		out = append(out, fmt.Sprintf("%s=%d", key, size))
		return nil
	}); err != nil {
		b.Fatal(err)
	}
	return out
}

func roundTrip(t *testing.T, b *bundle) {
	b.missing("a/b/c")
	for key, value := range map[string]string{"a/b/c": "value", "empty": "", "bytes": "\x00\xff\r\n", "ü/日本": "unicode", "with space/and.dots..": "x"} {
		b.put(key, value)
		if got := b.get(key, 0); got != value {
			t.Errorf("%s: got %q, want %q", key, got, value)
		}
		if n, err := b.Size(t.Context(), key); err != nil || n != int64(len(value)) {
			t.Errorf("%s: size %d, %v", key, n, err)
		}
	}
	b.missing("a/b") // what is a folder of keys is no key
	b.missing("a/b/c/d")
}

func offsets(t *testing.T, b *bundle) {
	b.put("k", "0123456789")
	for offset, want := range map[int64]string{0: "0123456789", 4: "456789", 9: "9", 10: "", 11: "", 1 << 40: ""} {
		if got := b.get("k", offset); got != want {
			t.Errorf("from %d: got %q, want %q", offset, got, want)
		}
	}
}

func replace(t *testing.T, b *bundle) {
	b.put("k", "a longer value")
	b.put("k", "short")
	if got := b.get("k", 0); got != "short" {
		t.Errorf("got %q", got)
	}
}

func remove(t *testing.T, b *bundle) {
	b.put("a/b/c", "1")
	b.put("a/b/d", "2")
	for range 2 {
		if err := b.Delete(t.Context(), "a/b/c"); err != nil {
			t.Fatal(err)
		}
		b.missing("a/b/c")
	}
	for _, key := range []string{"a/b", "none", "a/b/d/e"} { // not there
		if err := b.Delete(t.Context(), key); err != nil {
			t.Errorf("%s: %v", key, err)
		}
	}
	if got := b.get("a/b/d", 0); got != "2" {
		t.Errorf("a neighbour is gone: %q", got)
	}
	if err := b.Delete(t.Context(), "a/b/d"); err != nil {
		t.Fatal(err)
	}
	b.put("a/b", "now a value") // nothing is left of the folder
}

func list(t *testing.T, b *bundle) {
	if got := b.list(""); len(got) != 0 {
		t.Errorf("an empty store lists %v", got)
	}
	for _, key := range []string{"b", "a/1", "a/2/x", "a/2/y", "a.b", "a-b", "ab"} {
		b.put(key, key)
	}
	for prefix, want := range map[string][]string{
		"":      {"a-b=3", "a.b=3", "a/1=3", "a/2/x=5", "a/2/y=5", "ab=2", "b=1"},
		"a":     {"a-b=3", "a.b=3", "a/1=3", "a/2/x=5", "a/2/y=5", "ab=2"},
		"a/":    {"a/1=3", "a/2/x=5", "a/2/y=5"},
		"a/2":   {"a/2/x=5", "a/2/y=5"},
		"a/2/y": {"a/2/y=5"},
		"a/3":   nil,
		"zz":    nil,
	} {
		if got := b.list(prefix); !slices.Equal(got, want) {
			t.Errorf("%q: got %v, want %v", prefix, got, want)
		}
	}
	stop, calls := errors.New("stop"), 0
	if err := b.List(t.Context(), "", func(string, int64) error { calls++; return stop }); !errors.Is(err, stop) || calls != 1 {
		t.Errorf("%d calls, %v", calls, err)
	}
	// What is listed may be deleted meanwhile: that is what cleaning up does.
	if err := b.List(t.Context(), "", func(key string, _ int64) error { return b.Delete(t.Context(), key) }); err != nil {
		t.Fatal(err)
	}
	if got := b.list(""); len(got) != 0 {
		t.Errorf("left: %v", got)
	}
}

func keys(t *testing.T, b *bundle) {
	ctx := t.Context()
	for _, key := range []string{
		"", "/", "/a", "a/", "a//b", ".", "..", "../a", "a/../../b", "a/./b", "a/..", "x\x00y", "a\nb", `a\b`,
		strings.Repeat("x", 300), strings.Repeat("x/", 1000) + "x",
	} {
		_, err := b.Put(ctx, key, strings.NewReader("x"))
		b.want(errs.Invalid, err)
		_, err = b.Get(ctx, key, 0)
		b.want(errs.Invalid, err)
		_, err = b.Size(ctx, key)
		b.want(errs.Invalid, err)
		b.want(errs.Invalid, b.Delete(ctx, key))
	}
	if got := b.list(""); len(got) != 0 {
		t.Errorf("refused keys were stored: %v", got)
	}
}

// failedSource: when the source breaks off, its error is handed on and the key stays as it was.
func failedSource(t *testing.T, b *bundle) {
	broken := errs.New(errs.TooLarge, "the source broke off")
	half := func() io.Reader { return io.MultiReader(strings.NewReader("half"), failing{broken}) }
	_, err := b.Put(t.Context(), "k", half())
	b.want(errs.TooLarge, err)
	b.missing("k")
	b.put("k", "old")
	_, err = b.Put(t.Context(), "k", half())
	b.want(errs.TooLarge, err)
	if got := b.get("k", 0); got != "old" {
		t.Errorf("got %q, want the old value", got)
	}
	if got := b.list(""); !slices.Equal(got, []string{"k=3"}) {
		t.Errorf("left: %v", got)
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

func canceled(t *testing.T, b *bundle) {
	ctx, cancel := context.WithCancel(t.Context())
	pipe, in := io.Pipe()
	done := make(chan error)
	go func() {
		_, err := b.Put(ctx, "k", pipe)
		done <- err
	}()
	if _, err := in.Write([]byte("half")); err != nil {
		t.Fatal(err)
	}
	cancel()
	_ = in.CloseWithError(context.Canceled)
	b.want(errs.Canceled, <-done)
	b.missing("k")
}

// concurrent: of puts of one key at once the last wins as a whole, and a reader sees one whole value or none.
func concurrent(t *testing.T, b *bundle) {
	ctx := t.Context()
	value := func(i int) string { return strings.Repeat(fmt.Sprint(i), 20_000+i) }
	var wg sync.WaitGroup
	for i := range 6 {
		wg.Go(func() {
			for range 5 {
				if _, err := b.Put(ctx, "dir/k", strings.NewReader(value(i))); err != nil {
					t.Error(err)
				}
				if i == 0 {
					if err := b.Delete(ctx, "dir/k"); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	wg.Go(func() {
		for range 50 {
			r, err := b.Get(ctx, "dir/k", 0)
			if errs.Is(err, errs.NotFound) {
				continue
			}
			if err != nil {
				t.Error(err)
				return
			}
			got, err := io.ReadAll(r)
			_ = r.Close()
			if err != nil || len(got) == 0 || string(got) != value(int(got[0]-'0')) {
				t.Errorf("a mixture of %d bytes was read: %v", len(got), err)
			}
		}
	})
	wg.Wait()
	b.put("dir/k", "end")
	if got := b.list(""); !slices.Equal(got, []string{"dir/k=3"}) {
		t.Errorf("left: %v", got)
	}
}

// readerOutlives: who has begun to read reads to the end, whatever happens to the key.
func readerOutlives(t *testing.T, b *bundle) {
	value := strings.Repeat("0123456789", 30_000)
	b.put("k", value)
	r, err := b.Get(t.Context(), "k", 0)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if _, err := io.ReadFull(r, make([]byte, 10)); err != nil {
		t.Fatal(err)
	}
	b.put("k", "new")
	if err := b.Delete(t.Context(), "k"); err != nil {
		t.Fatal(err)
	}
	rest, err := io.ReadAll(r)
	if err != nil || string(rest) != value[10:] {
		t.Errorf("read %d bytes more, want %d: %v", len(rest), len(value)-10, err)
	}
}

// large: a value of 50 MB goes through without being held in memory.
func large(t *testing.T, b *bundle) {
	const size = 50 << 20
	in := &counted{r: io.LimitReader(rand.NewChaCha8([32]byte{1}), size), sum: sha256.New()}
	before := memory()
	n, err := b.Put(t.Context(), "large", in)
	if err != nil || n != size {
		t.Fatalf("%d, %v", n, err)
	}
	r, err := b.Get(t.Context(), "large", 0)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	out := &counted{r: r, sum: sha256.New()}
	if _, err := io.Copy(io.Discard, struct{ io.Reader }{out}); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(in.sum.Sum(nil), out.sum.Sum(nil)) {
		t.Error("the value changed")
	}
	if used := memory() - before; used > 10<<20 {
		t.Errorf("%d bytes were allocated to pass %d through", used, size)
	}
}

// memory is all that was ever allocated: a value that was held would show, even when it is gone by now.
func memory() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.TotalAlloc
}

type counted struct {
	r   io.Reader
	sum hash.Hash
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.sum.Write(p[:n])
	return n, err
}

func durable(t *testing.T, b *bundle) {
	b.put("a/b", "value")
	b.Store = b.reopen()
	if got := b.get("a/b", 0); got != "value" {
		t.Errorf("got %q", got)
	}
}
