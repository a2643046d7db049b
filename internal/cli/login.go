package cli

import (
	"bufio"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/tidemill/tidemill/internal/client"
	"github.com/tidemill/tidemill/internal/errs"
)

func (a *app) loginCommand() *cobra.Command {
	var email string
	cmd := &cobra.Command{
		Use:   "login [URL]",
		Short: "Sign in to a server and remember it",
		Long: `Signs in and remembers address, token and workspace for the commands that follow.

With --token (or TIDEMILL_TOKEN) the token is checked and kept. Otherwise e-mail and password are asked for and traded for
a token of its own, which "tidemill logout" forgets and the account page revokes.`,
		Example: "  tidemill login http://127.0.0.1:8000\n  tidemill login https://tidemill.example --token \"$TOKEN\"",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			old, err := a.loadProfile()
			if err != nil {
				return err
			}
			if len(args) == 1 {
				a.url = args[0]
			}
			p := profile{URL: first(a.url, a.getenv("TIDEMILL_URL"), old.URL, "http://127.0.0.1:8000")}
			p.Token = strings.TrimSpace(first(a.token, a.getenv("TIDEMILL_TOKEN")))
			c, err := client.New(client.Options{URL: p.URL, Token: p.Token, Agent: "tidemill-cli"})
			if err != nil {
				return err
			}
			if p.Token == "" {
				if p.Token, err = a.signIn(cmd, c, email); err != nil {
					return err
				}
				c = c.WithToken(p.Token)
			}
			who, err := c.Whoami(cmd.Context())
			if err != nil {
				return err
			}
			spaces, err := c.Workspaces(cmd.Context())
			if err != nil {
				return err
			}
			p.Workspace = choose(first(a.workspace, old.Workspace), spaces)
			if err := a.saveProfile(p); err != nil {
				return err
			}
			fmt.Fprintf(a.out, "Signed in to %s as %s", p.URL, who.Email)
			if p.Workspace != "" {
				fmt.Fprintf(a.out, ", workspace %s", p.Workspace)
			}
			fmt.Fprintln(a.out)
			return nil
		},
	}
	cmd.Flags().StringVar(&email, "email", "", "e-mail to sign in with")
	return cmd
}

// choose keeps the wanted workspace when the caller is in it, else takes the first.
func choose(want string, spaces []client.Workspace) string {
	for _, s := range spaces {
		if s.ID == want {
			return want
		}
	}
	if len(spaces) > 0 {
		return spaces[0].ID
	}
	return ""
}

// signIn asks for what is missing and returns a personal token.
func (a *app) signIn(cmd *cobra.Command, c *client.Client, email string) (string, error) {
	in := bufio.NewReader(a.in)
	if email == "" {
		fmt.Fprint(a.err, "E-mail: ")
		line, err := in.ReadString('\n')
		if err != nil && line == "" {
			return "", errs.New(errs.Invalid, "no e-mail was given").WithHint("use --email, or --token")
		}
		email = strings.TrimSpace(line)
	}
	fmt.Fprint(a.err, "Password: ")
	var password string
	if f, ok := a.in.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		secret, err := term.ReadPassword(int(f.Fd()))
		fmt.Fprintln(a.err)
		if err != nil {
			return "", err
		}
		password = string(secret)
	} else {
		line, _ := in.ReadString('\n')
		password = strings.TrimRight(line, "\r\n")
		fmt.Fprintln(a.err)
	}
	session, err := c.SignIn(cmd.Context(), email, password)
	if err != nil {
		return "", err
	}
	host, _ := os.Hostname()
	as := c.WithToken(session)
	token, err := as.CreateToken(cmd.Context(), "cli on "+first(host, "an unnamed host"))
	if err != nil {
		return "", err
	}
	return token, as.SignOut(cmd.Context())
}

func (a *app) logoutCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "logout",
		Short: "Forget the saved sign-in",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			p, err := a.loadProfile()
			if err != nil {
				return err
			}
			if p.Token == "" {
				fmt.Fprintln(a.out, "Nobody is signed in.")
				return nil
			}
			if c, err := client.New(client.Options{URL: p.URL, Token: p.Token, Agent: "tidemill-cli"}); err == nil {
				if err := c.SignOut(cmd.Context()); err != nil { // the file is forgotten all the same
					fmt.Fprintf(a.err, "The server was not told: %s\n", errs.As(err).Message)
				}
			}
			p.Token = ""
			if err := a.saveProfile(p); err != nil {
				return err
			}
			fmt.Fprintf(a.out, "Signed out of %s.\n", p.URL)
			return nil
		},
	}
}

func (a *app) workspaceCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "workspace", Short: "List workspaces and choose one", Args: cobra.NoArgs}
	list := &cobra.Command{
		Use: "list", Short: "List the workspaces that you are a member of", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := a.client()
			if err != nil {
				return err
			}
			spaces, err := c.Workspaces(cmd.Context())
			if err != nil {
				return err
			}
			if a.json {
				return a.printJSON(spaces)
			}
			rows := make([][]string, 0, len(spaces))
			for _, s := range spaces {
				mark := ""
				if s.ID == c.Workspace() {
					mark = "*"
				}
				rows = append(rows, []string{mark, s.ID, s.Name, s.Username})
			}
			a.table([]string{"", "ID", "NAME", "YOU ARE"}, rows)
			return nil
		},
	}
	use := &cobra.Command{
		Use: "use ID", Short: "Choose the workspace of the commands that follow", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.client()
			if err != nil {
				return err
			}
			spaces, err := c.Workspaces(cmd.Context())
			if err != nil {
				return err
			}
			if choose(args[0], spaces) != args[0] {
				return errs.New(errs.NotFound, "you are in no workspace %q", args[0]).WithHint("tidemill workspace list shows yours")
			}
			p, err := a.loadProfile()
			if err != nil {
				return err
			}
			p.URL, p.Workspace = first(p.URL, c.URL()), args[0]
			if err := a.saveProfile(p); err != nil {
				return err
			}
			fmt.Fprintf(a.out, "Workspace %s\n", args[0])
			return nil
		},
	}
	cmd.AddCommand(list, use)
	return cmd
}
