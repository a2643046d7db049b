package server

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"github.com/tidemill/tidemill/internal/errs"
)

// listen opens the address, or says in plain words why that cannot be done.
func listen(ctx context.Context, address string) (net.Listener, error) {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", address)
	switch {
	case err == nil:
		return l, nil
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, errs.Wrap(errs.Conflict, err, "%s is in use%s", address, portUser(address)).
			WithHint("stop that one, or choose another port with --listen, like --listen 127.0.0.1:0 for any free one")
	case errors.Is(err, syscall.EACCES):
		return nil, errs.Wrap(errs.Invalid, err, "this user may not serve on %s", address).
			WithHint("choose a port above 1023 with --listen")
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return nil, errs.Wrap(errs.Invalid, err, "%s is not an address of this machine", address).
			WithHint("choose another with --listen, like 127.0.0.1:8000 or :8000 for all of them")
	}
	return nil, errs.Wrap(errs.Invalid, err, "cannot serve on %s", address).WithHint("choose another address with --listen")
}

// portUser names the process that listens on the port, where the system tells (Linux, and processes that we may see).
func portUser(address string) string {
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return ""
	}
	n, err := strconv.Atoi(port)
	if err != nil {
		return ""
	}
	inodes := map[string]bool{}
	for _, table := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		listeners(table, n, inodes)
	}
	if len(inodes) == 0 {
		return ""
	}
	links, _ := filepath.Glob("/proc/[0-9]*/fd/[0-9]*")
	for _, link := range links {
		target, err := os.Readlink(link)
		if err != nil {
			continue
		}
		inode, ok := strings.CutPrefix(target, "socket:[")
		if !ok || !inodes[strings.TrimSuffix(inode, "]")] {
			continue
		}
		pid := strings.Split(link, "/")[2]
		name, _ := os.ReadFile("/proc/" + pid + "/comm")
		return fmt.Sprintf(" by process %s (%s)", pid, strings.TrimSpace(string(name)))
	}
	return ""
}

// listeners adds the inodes of sockets that listen on the port, from a table of the kernel.
func listeners(table string, port int, into map[string]bool) {
	f, err := os.Open(table)
	if err != nil {
		return
	}
	defer f.Close()
	const stateListen = "0A"
	for lines := bufio.NewScanner(f); lines.Scan(); {
		c := strings.Fields(lines.Text())
		if len(c) < 10 || c[3] != stateListen {
			continue
		}
		_, hex, ok := strings.Cut(c[1], ":")
		if n, err := strconv.ParseInt(hex, 16, 32); ok && err == nil && int(n) == port {
			into[c[9]] = true
		}
	}
}
