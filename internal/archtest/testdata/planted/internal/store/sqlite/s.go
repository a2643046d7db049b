// Package sqlite is innocent.
package sqlite

var X = 1
