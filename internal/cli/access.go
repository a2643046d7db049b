package cli

import (
	"fmt"

	"github.com/spf13/cobra"
)

func (a *app) accessCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "access", Short: "Who may do what"}
	var user, action string
	explain := &cobra.Command{
		Use: "explain PATH", Short: "Tell whether somebody may do something with a path, and why", Args: cobra.ExactArgs(1),
		Example: "  tidemill access explain f/tools/hello --user ada --action write",
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.inWorkspace()
			if err != nil {
				return err
			}
			e, err := c.Explain(cmd.Context(), args[0], action, user)
			if err != nil {
				return err
			}
			if a.json {
				return a.printJSON(e)
			}
			verdict := "may"
			if !e.Allowed {
				verdict = "may not"
			}
			_, err = fmt.Fprintf(a.out, "%s %s %s %s: %s\n", e.User, verdict, e.Action, e.Path, e.Reason)
			if err == nil && e.Hidden {
				_, err = fmt.Fprintf(a.out, "To %s it looks as if nothing were there.\n", e.User)
			}
			return err
		},
	}
	f := explain.Flags()
	f.StringVar(&user, "user", "", "user name or e-mail address; yourself when left out")
	f.StringVar(&action, "action", "read", "read, run, write or own")
	cmd.AddCommand(explain)
	return cmd
}
