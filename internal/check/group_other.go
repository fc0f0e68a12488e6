//go:build !unix

package main

import "os/exec"

// ownGroup does nothing: without process groups, exec kills the command alone, and the console interrupts the rest.
func ownGroup(*exec.Cmd) {}

func killGroup(*exec.Cmd) {}
