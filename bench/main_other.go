//go:build !linux

// Command bench compares holdall with its peers, on Linux alone.
package main

import (
	"fmt"
	"os"
)

func main() {
	fmt.Fprintln(os.Stderr, "bench: it compares with system calls of Linux, so it runs there alone")
	os.Exit(2)
}
