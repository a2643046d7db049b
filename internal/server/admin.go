package server

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/tidemill/tidemill/internal/account"
	"github.com/tidemill/tidemill/internal/audit"
	"github.com/tidemill/tidemill/internal/config"
	"github.com/tidemill/tidemill/internal/domain"
	"github.com/tidemill/tidemill/internal/errs"
	"github.com/tidemill/tidemill/internal/store"
)

// host is what the admin commands act as: whoever can read the database may do everything in it.
func host() domain.Identity { return domain.Identity{Email: "host", Superadmin: true} }

// desk is an open database with the accounts in it.
type desk struct {
	store    store.Store
	accounts *account.Service
}

// openDesk opens the database beside a running server. It makes no new one: a mistyped folder must not look empty.
func openDesk(ctx context.Context, c config.Config) (*desk, error) {
	if c.SQLite() {
		if _, err := os.Stat(c.DatabaseFile()); err != nil {
			if errors.Is(err, fs.ErrNotExist) {
				return nil, errs.New(errs.NotFound, "there is no Tidemill in %s", c.Data).
					WithHint("name its folder with --data, or start one: tidemill start --data %s", c.Data)
			}
			return nil, folderError(c.Data, err)
		}
	}
	s, err := openStore(ctx, c, discard(), true)
	if err != nil {
		return nil, err
	}
	url := c.BaseURL
	if url == "" {
		if url, err = knownURL(ctx, s); err != nil {
			return nil, errors.Join(err, s.Close())
		}
	}
	if url == "" {
		url = c.URL("")
	}
	return &desk{store: s, accounts: account.New(account.Options{Store: s, BaseURL: url, Cost: cost(c)})}, nil
}

func adminCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "admin", Short: "Make tokens and sign-in links on the server's own host",
		Long: "Works on the database itself, also while the server runs: whoever may read the data folder is trusted with everything in it.",
	}
	load := settings(cmd, "admin", true)
	with := func(fn func(cmd *cobra.Command, d *desk) error) func(*cobra.Command, []string) error {
		return func(cmd *cobra.Command, _ []string) error {
			c, err := load(cmd)
			if err != nil {
				return err
			}
			d, err := openDesk(cmd.Context(), c)
			if err != nil {
				return err
			}
			cmd.SetContext(audit.WithOrigin(cmd.Context(), audit.Origin{Address: "host"}))
			return errors.Join(fn(cmd, d), d.store.Close())
		}
	}
	cmd.AddCommand(adminToken(with), adminInvite(with), adminReset(with))
	return cmd
}

type withDesk func(func(cmd *cobra.Command, d *desk) error) func(*cobra.Command, []string) error

func adminToken(with withDesk) *cobra.Command {
	cmd := &cobra.Command{
		Use: "token", Short: "Print a new token of a user", Args: cobra.NoArgs,
		Long: "Prints a new personal token, alone on the last line. When there is no user yet, --email becomes the first administrator.",
	}
	f := cmd.Flags()
	email := f.String("email", "", "`ADDRESS` of the user (default: the first administrator)")
	workspace := f.String("workspace", "", "limit the token to this workspace (`ID`)")
	label := f.String("label", "made with tidemill admin token", "`TEXT` by which the token is recognised in a list")
	expires := f.String("expires", "", "`TIME` until it ends, like 1h or 30d (default: never)")
	cmd.RunE = with(func(cmd *cobra.Command, d *desk) error {
		ctx := cmd.Context()
		var until time.Time
		if *expires != "" {
			life, err := parseLife(*expires)
			if err != nil {
				return err
			}
			until = time.Now().Add(life)
		}
		u, err := d.user(ctx, *email)
		if err != nil {
			return err
		}
		who := domain.Identity{Email: u.Email, Superadmin: u.Superadmin}
		secret, err := d.accounts.CreateToken(ctx, who, *label, *workspace, nil, until)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintln(cmd.OutOrStdout(), secret)
		return err
	})
	return cmd
}

func adminInvite(with withDesk) *cobra.Command {
	cmd := &cobra.Command{
		Use: "invite", Short: "Print a one-time sign-in link for a new or existing user", Args: cobra.NoArgs,
		Long: "Prints a link, alone on the last line, that works once. It makes the account of a new user, who chooses a password, and signs an\n" +
			"existing user in. When there is no user yet, --email becomes the first administrator.",
	}
	f := cmd.Flags()
	email := f.String("email", "", "`ADDRESS` of the user (required)")
	workspace := f.String("workspace", "", "`ID` of the workspace that a new user becomes a member of (default: "+account.FirstWorkspace+")")
	role := f.String("role", string(domain.RoleDeveloper), "`ROLE` in it: operator, developer or admin")
	super := f.Bool("superadmin", false, "make the user an administrator of the instance")
	expires := f.String("expires", "24h", "`TIME` until the link ends")
	cmd.RunE = with(func(cmd *cobra.Command, d *desk) error {
		ctx := cmd.Context()
		life, err := parseLife(*expires)
		if err != nil {
			return err
		}
		if *email == "" {
			return errs.New(errs.Invalid, "the invite needs an address").WithField("--email", "must be given")
		}
		invite := domain.Invite{Email: *email, Workspace: *workspace, Role: domain.Role(*role), Superadmin: *super, ExpiresAt: time.Now().Add(life)}
		if _, err := d.user(ctx, *email); err != nil {
			if !errs.Is(err, errs.NotFound) {
				return err
			}
			if invite.Workspace == "" {
				if _, err := d.store.WorkspaceGet(ctx, account.FirstWorkspace); err == nil {
					invite.Workspace = account.FirstWorkspace
				}
			}
		}
		secret, err := d.accounts.Invite(ctx, host(), invite)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintln(cmd.OutOrStdout(), d.accounts.Link(secret))
		return err
	})
	return cmd
}

func adminReset(with withDesk) *cobra.Command {
	cmd := &cobra.Command{
		Use: "reset-password", Short: "Print a one-time link with which a user sets a new password", Args: cobra.NoArgs,
		Long: "Prints a link, alone on the last line, that works once, for 24 hours. Setting the password ends all sessions and tokens of the user.",
	}
	email := cmd.Flags().String("email", "", "`ADDRESS` of the user (required)")
	cmd.RunE = with(func(cmd *cobra.Command, d *desk) error {
		if *email == "" {
			return errs.New(errs.Invalid, "whose password?").WithField("--email", "must be given")
		}
		secret, err := d.accounts.ResetPassword(cmd.Context(), host(), *email)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintln(cmd.OutOrStdout(), d.accounts.Link(secret))
		return err
	})
	return cmd
}

// user finds a user by address, or without one the first administrator; it makes that one when there is nobody.
func (d *desk) user(ctx context.Context, email string) (domain.User, error) {
	n, err := d.store.UserCount(ctx)
	if err != nil {
		return domain.User{}, err
	}
	if n == 0 {
		if email == "" {
			return domain.User{}, errs.New(errs.Invalid, "there is no user yet").
				WithHint("name the first administrator with --email, or use the link that tidemill start printed")
		}
		if err := d.accounts.FirstAdmin(ctx, email, ""); err != nil && !errs.Is(err, errs.Conflict) {
			return domain.User{}, err
		}
	}
	if email = strings.ToLower(strings.TrimSpace(email)); email != "" {
		u, err := d.store.UserGet(ctx, email)
		if errs.Is(err, errs.NotFound) {
			return u, errs.New(errs.NotFound, "there is no user %s", email).WithHint("make one: tidemill admin invite --email %s", email)
		}
		return u, err
	}
	list, err := d.store.UserList(ctx)
	if err != nil {
		return domain.User{}, err
	}
	slices.SortStableFunc(list, func(a, b domain.User) int { return a.CreatedAt.Compare(b.CreatedAt) })
	for _, u := range list {
		if u.Superadmin && !u.Disabled {
			return u, nil
		}
	}
	return domain.User{}, errs.New(errs.NotFound, "there is no administrator").WithHint("name a user with --email")
}

var days = regexp.MustCompile(`^(\d{1,5})d$`)

// parseLife reads how long something lasts: 90s, 12h, 30d.
func parseLife(s string) (time.Duration, error) {
	if m := days.FindStringSubmatch(s); m != nil {
		n, _ := strconv.Atoi(m[1])
		return time.Duration(n) * 24 * time.Hour, nil
	}
	d, err := time.ParseDuration(s)
	if err != nil || d <= 0 {
		return 0, errs.New(errs.Invalid, "the time is not valid").WithField("--expires", "%q must be like 90s, 12h or 30d", s)
	}
	return d, nil
}
