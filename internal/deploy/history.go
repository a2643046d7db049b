package deploy

import (
	"context"

	"github.com/aymanbagabas/go-udiff"

	"github.com/tidemill/tidemill/internal/domain"
	"github.com/tidemill/tidemill/internal/errs"
)

// History lists the versions of a path that who may see, newest first, without content. limit is at most 1000.
func (s *Service) History(ctx context.Context, who domain.Identity, path string, limit int) ([]domain.Script, error) {
	if limit <= 0 || limit > 1000 {
		limit = 1000
	}
	return s.store.ScriptHistory(ctx, viewer(who), path, limit)
}

// Diff compares the contents of two versions, by hash, as a unified diff; "" when they are equal. An empty from compares
// with nothing. errs.NotFound when one does not exist for who.
func (s *Service) Diff(ctx context.Context, who domain.Identity, from, to string) (string, error) {
	b, err := s.store.ScriptByHash(ctx, viewer(who), to)
	if err != nil {
		return "", err
	}
	a := domain.Script{Path: "/dev/null"}
	label := a.Path
	if from != "" {
		if a, err = s.store.ScriptByHash(ctx, viewer(who), from); err != nil {
			return "", err
		}
		label = a.Path + "@" + a.Hash
	}
	if a.Deleted || b.Deleted {
		return "", errs.New(errs.NotFound, "the content of one of the versions was deleted")
	}
	return udiff.Unified(label, b.Path+"@"+b.Hash, a.Content, b.Content), nil
}

// Archive takes a path out of lists and runs; its versions stay. Deploying to the path again brings it back.
func (s *Service) Archive(ctx context.Context, who domain.Identity, path string) error {
	return s.retire(ctx, who, path, func() error { return s.store.ScriptArchive(ctx, who.Workspace, path) })
}

// Delete removes the content of all versions of a path for good.
func (s *Service) Delete(ctx context.Context, who domain.Identity, path string) error {
	return s.retire(ctx, who, path, func() error { return s.store.ScriptDelete(ctx, who.Workspace, path) })
}

// ArchiveHash and DeleteHash are Archive and Delete for one version.
func (s *Service) ArchiveHash(ctx context.Context, who domain.Identity, hash string) error {
	v, err := s.store.ScriptByHash(ctx, viewer(who), hash)
	if err != nil {
		return err
	}
	return s.retire(ctx, who, v.Path, func() error { return s.store.ScriptArchiveHash(ctx, who.Workspace, hash) })
}

// DeleteHash removes the content of one version for good.
func (s *Service) DeleteHash(ctx context.Context, who domain.Identity, hash string) error {
	v, err := s.store.ScriptByHash(ctx, viewer(who), hash)
	if err != nil {
		return err
	}
	return s.retire(ctx, who, v.Path, func() error { return s.store.ScriptDeleteHash(ctx, who.Workspace, hash) })
}

func (s *Service) retire(ctx context.Context, who domain.Identity, path string, act func() error) error {
	if err := domain.CheckPath("path", path); err != nil {
		return err
	}
	if err := s.may(ctx, s.store, who, path); err != nil {
		return err
	}
	if err := act(); err != nil {
		return err
	}
	s.announce(ctx, who)
	return nil
}
