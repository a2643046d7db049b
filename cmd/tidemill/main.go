// Command tidemill is everything: the server, the worker, and the commands that talk to a server.
package main

import (
	"context"
	"os"

	"github.com/tidemill/tidemill/internal/cli"
	"github.com/tidemill/tidemill/internal/server"
)

// version is set by the linker.
var version = "dev"

func main() {
	ctx, stop := server.Signals(context.Background())
	code := cli.Main(ctx, cli.Options{
		Args: os.Args[1:], In: os.Stdin, Out: os.Stdout, Err: os.Stderr, Getenv: os.Getenv,
		Version: version, Server: server.Commands(version), Default: "start",
	})
	stop()
	os.Exit(code)
}
