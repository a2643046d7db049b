//go:build !linux

package python

func plainAllocator() {}
