// Package worker starts processes itself.
package worker

import "os/exec"

var _ = exec.Command
