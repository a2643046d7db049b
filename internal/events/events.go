// Package events fans out what changed: one listener on the store, any number of watchers in this process. Watching is
// cheap and by job, workspace or tag; a watcher that is slow loses notes, never stalls others, and every user of it also
// looks at the database before it waits.
package events
