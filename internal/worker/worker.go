// Package worker claims jobs, prepares and runs them in the sandbox, streams their logs and reports how they ended.
package worker
