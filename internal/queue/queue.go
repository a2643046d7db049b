// Package queue is the run queue: push, claim, lease, renew, complete, cancel, reap, and waiting for results. It knows
// jobs, not what they run. Payloads above a threshold go to the blob store here, so that nobody else sees the difference.
package queue
