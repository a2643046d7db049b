// Package surprise is in no table.
package surprise
