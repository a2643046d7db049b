package api

import (
	"reflect"

	"github.com/danielgtaylor/huma/v2"

	"github.com/tidemill/tidemill/internal/errs"
)

// The sizes of pages.
const (
	pageSize    = 30
	maxPageSize = 1000
	maxOffset   = 1_000_000
)

// PageIn is how lists are cut: limit with a keyset parameter, or Windmill's page and per_page.
type PageIn struct {
	Limit   int `query:"limit" doc:"rows, 1 to 1000; 30 when left out"`
	PerPage int `query:"per_page" doc:"the same, in Windmill's words"`
	Page    int `query:"page" doc:"of Windmill's clients, counted from 1; prefer before or after"`
}

// window is the limit and offset that the parameters mean. Page 0 is page 1, as Windmill reads it.
func (p PageIn) window() (limit, offset int, err error) {
	e := errs.New(errs.Invalid, "the page is not valid")
	limit = pageSize
	for name, n := range map[string]int{"limit": p.Limit, "per_page": p.PerPage} {
		if n < 0 || n > maxPageSize {
			e.WithField("query."+name, "must be between 1 and %d", maxPageSize)
		}
	}
	if p.PerPage > 0 {
		limit = p.PerPage
	}
	if p.Limit > 0 {
		limit = p.Limit
	}
	if p.Page < 0 || p.Page > maxOffset/max(limit, 1) {
		e.WithField("query.page", "must be between 1 and %d; walk with before or after instead", maxOffset/max(limit, 1))
	}
	if len(e.Fields) > 0 {
		return 0, 0, e
	}
	return limit, max(p.Page-1, 0) * limit, nil
}

// cut is a window of rows that are all at hand.
func cut[T any](rows []T, limit, offset int) []T {
	if offset >= len(rows) {
		return []T{}
	}
	return rows[offset:min(len(rows), offset+limit)]
}

// Flag is a boolean parameter that may be left out, which is not the same as false.
type Flag struct {
	Value bool
	Set   bool
}

// Schema documents it as a boolean.
func (Flag) Schema(huma.Registry) *huma.Schema { return &huma.Schema{Type: huma.TypeBoolean} }

// Receiver is where huma parses the value to.
func (f *Flag) Receiver() reflect.Value { return reflect.ValueOf(f).Elem().Field(0) }

// OnParamSet notes whether it was there.
func (f *Flag) OnParamSet(set bool, _ any) { f.Set = set }

func (f Flag) is(v bool) bool { return f.Set && f.Value == v }
