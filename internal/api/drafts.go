package api

import (
	"context"
	"time"

	"github.com/tidemill/tidemill/internal/domain"
	"github.com/tidemill/tidemill/internal/errs"
	"github.com/tidemill/tidemill/internal/perm"
)

// draftScript is the kind of drafts of scripts.
const draftScript = "script"

// maxDraft bounds a draft: the largest code and room for the rest, in bytes of JSON.
const maxDraft = 2*domain.MaxScriptContent + domain.MaxDescription

func draftOperations() []operation {
	const base = "/api/w/{workspace}/drafts/"
	return []operation{
		op("GET", base+"list", "listDrafts", perm.DraftsRead, "One's drafts, newest first", (*server).listDrafts),
		op("GET", base+"script/{path}", "getScriptDraft", perm.DraftsRead, "One's draft of a script", (*server).getDraft),
		op("PUT", base+"script/{path}", "putScriptDraft", perm.DraftsWrite, "Save one's draft of a script; any JSON object", (*server).putDraft),
		op("DELETE", base+"script/{path}", "deleteScriptDraft", perm.DraftsWrite, "Drop one's draft of a script", (*server).deleteDraft),
	}
}

// Draft is unsaved work; nobody else sees it.
type Draft struct {
	Kind      string      `json:"kind" enum:"script"`
	Path      string      `json:"path"`
	Value     *objectJSON `json:"value,omitempty" doc:"absent in lists"`
	UpdatedAt time.Time   `json:"updated_at"`
}

func draftOf(d domain.Draft) Draft {
	out := Draft{Kind: d.Kind, Path: d.Path, UpdatedAt: d.UpdatedAt}
	if len(d.Value) > 0 {
		v := objectJSON(d.Value)
		out.Value = &v
	}
	return out
}

type draftsOut struct {
	Body []Draft `nullable:"false"`
}

func (s *server) listDrafts(ctx context.Context, in *InWorkspace) (*draftsOut, error) {
	list, err := s.Store.DraftList(ctx, in.Workspace, callOf(ctx).who.Email)
	if err != nil {
		return nil, err
	}
	out := &draftsOut{Body: []Draft{}}
	for _, d := range list {
		out.Body = append(out.Body, draftOf(d))
	}
	return out, nil
}

type draftOut struct {
	Body Draft
}

func (s *server) getDraft(ctx context.Context, in *InPath) (*draftOut, error) {
	d, err := s.Store.DraftGet(ctx, in.Workspace, callOf(ctx).who.Email, draftScript, in.Path)
	if errs.Is(err, errs.NotFound) {
		return nil, errs.New(errs.NotFound, "you have no draft at %s", in.Path)
	}
	if err != nil {
		return nil, err
	}
	return &draftOut{Body: draftOf(d)}, nil
}

type putDraftIn struct {
	InPath
	Body objectJSON
}

func (s *server) putDraft(ctx context.Context, in *putDraftIn) (*draftOut, error) {
	if len(in.Body) == 0 {
		return nil, errs.New(errs.Invalid, "the draft is not valid").WithField("", "must be a JSON object")
	}
	if len(in.Body) > maxDraft {
		return nil, errs.New(errs.TooLarge, "the draft is %d bytes; at most %d are allowed", len(in.Body), maxDraft)
	}
	d := domain.Draft{Workspace: in.Workspace, Email: callOf(ctx).who.Email, Kind: draftScript, Path: in.Path, Value: domain.JSON(in.Body)}
	if err := s.Store.DraftPut(ctx, d); err != nil {
		return nil, err
	}
	d, err := s.Store.DraftGet(ctx, in.Workspace, d.Email, draftScript, in.Path)
	if err != nil {
		return nil, err
	}
	d.Value = nil
	return &draftOut{Body: draftOf(d)}, nil
}

func (s *server) deleteDraft(ctx context.Context, in *InPath) (*struct{}, error) {
	return nil, s.Store.DraftDelete(ctx, in.Workspace, callOf(ctx).who.Email, draftScript, in.Path)
}
