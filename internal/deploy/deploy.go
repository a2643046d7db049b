// Package deploy turns a document into an immutable version: it validates, infers the schema, computes the hash, and asks
// for the lock when the script needs one.
package deploy
