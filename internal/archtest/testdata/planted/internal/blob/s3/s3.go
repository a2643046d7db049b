// Package s3 is innocent.
package s3

var X = 1
