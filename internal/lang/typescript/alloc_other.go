//go:build !linux

package typescript

func plainAllocator() {}
