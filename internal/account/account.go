// Package account is who is who: the first administrator, passwords, sessions, personal tokens and jobs' tokens.
package account
