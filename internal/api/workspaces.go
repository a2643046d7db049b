package api

import (
	"context"

	"github.com/tidemill/tidemill/internal/domain"
	"github.com/tidemill/tidemill/internal/errs"
	"github.com/tidemill/tidemill/internal/perm"
	"github.com/tidemill/tidemill/internal/store"
)

func workspaceOperations() []operation {
	return []operation{
		op("GET", "/api/workspaces/list", "listWorkspaces", perm.WorkspacesRead, "One's workspaces", (*server).listWorkspaces),
		op("GET", "/api/workspaces/users", "listUserWorkspaces", perm.WorkspacesRead, "One's workspaces and what one is there", (*server).userWorkspaces),
		op("POST", "/api/workspaces/exists", "existsWorkspace", perm.WorkspacesRead, "Whether a workspace's id is taken", (*server).existsWorkspace),
		op("POST", "/api/workspaces/create", "createWorkspace", perm.WorkspacesAdmin, "Make a workspace, as its administrator",
			(*server).createWorkspace, created, text("a sentence")),
	}
}

// Workspace is a tenant in Windmill's words.
type Workspace struct {
	ID      string `json:"id"`
	Name    string `json:"name"`
	Owner   string `json:"owner"`
	Deleted bool   `json:"deleted"`
}

type listWorkspacesOut struct {
	Body []Workspace `nullable:"false"`
}

// mine lists the workspaces of the caller: all of them for administrators of the instance.
func (s *server) mine(ctx context.Context, who domain.Identity) ([]domain.Workspace, error) {
	p := store.WorkspaceListParams{Email: who.Email}
	if who.Superadmin {
		p.Email = ""
	}
	return s.Store.WorkspaceList(ctx, p)
}

func (s *server) listWorkspaces(ctx context.Context, _ *none) (*listWorkspacesOut, error) {
	list, err := s.mine(ctx, callOf(ctx).who)
	if err != nil {
		return nil, err
	}
	out := &listWorkspacesOut{Body: []Workspace{}}
	for _, w := range list {
		out.Body = append(out.Body, Workspace{ID: w.ID, Name: w.Name, Owner: w.CreatedBy, Deleted: w.Archived})
	}
	return out, nil
}

// Workspaces are the workspaces of a user in Windmill's words.
type Workspaces struct {
	Email      string          `json:"email"`
	Workspaces []UserWorkspace `json:"workspaces" nullable:"false"`
}

// UserWorkspace is a workspace as one of its users sees it.
type UserWorkspace struct {
	ID             string  `json:"id"`
	Name           string  `json:"name"`
	Username       string  `json:"username"`
	Color          string  `json:"color"`
	IsDevWorkspace bool    `json:"is_dev_workspace"`
	CreatedBy      *string `json:"created_by,omitempty"`
	Disabled       bool    `json:"disabled"`
	Role           string  `json:"role" enum:"operator,developer,admin"`
}

type userWorkspacesOut struct {
	Body Workspaces
}

func (s *server) userWorkspaces(ctx context.Context, _ *none) (*userWorkspacesOut, error) {
	who := callOf(ctx).who
	list, err := s.mine(ctx, who)
	if err != nil {
		return nil, err
	}
	out := &userWorkspacesOut{Body: Workspaces{Email: who.Email, Workspaces: []UserWorkspace{}}}
	for _, w := range list {
		m, err := s.Store.MemberGet(ctx, w.ID, who.Email)
		if errs.Is(err, errs.NotFound) { // an administrator of the instance, looking from outside
			m = domain.Member{Username: "", Role: domain.RoleAdmin}
		} else if err != nil {
			return nil, err
		}
		out.Body.Workspaces = append(out.Body.Workspaces, UserWorkspace{
			ID: w.ID, Name: w.Name, Username: m.Username,
			CreatedBy: some(w.CreatedBy), Disabled: m.Disabled, Role: string(m.Role),
		})
	}
	return out, nil
}

type existsWorkspaceIn struct {
	Body struct {
		ID string `json:"id"`
	}
}

func (s *server) existsWorkspace(ctx context.Context, in *existsWorkspaceIn) (*yes, error) {
	_, err := s.Store.WorkspaceGet(ctx, in.Body.ID)
	if errs.Is(err, errs.NotFound) {
		return &yes{}, nil
	}
	return &yes{Body: true}, err
}

type createWorkspaceIn struct {
	Body CreateWorkspace
}

// CreateWorkspace describes a workspace to make.
type CreateWorkspace struct {
	ID       string  `json:"id"`
	Name     string  `json:"name"`
	Username *string `json:"username,omitempty" nullable:"true" doc:"accepted from Windmill's clients; the name follows the e-mail address"`
	Color    *string `json:"color,omitempty" nullable:"true" doc:"accepted from Windmill's clients"`
}

func (s *server) createWorkspace(ctx context.Context, in *createWorkspaceIn) (*plain, error) {
	if err := s.Accounts.CreateWorkspace(ctx, callOf(ctx).who, in.Body.ID, in.Body.Name); err != nil {
		return nil, err
	}
	return plainText("created the workspace " + in.Body.ID), nil
}
