// Package gocdk joins holdall and gocloud.dev.
package gocdk
