// Package engine turns requests into jobs and outcomes into states: it resolves what to run, validates the arguments
// against the schema, pushes, and completes, each in one transaction.
package engine
