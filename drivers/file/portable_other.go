//go:build !unix

package file

import "io/fs"

// inodeOf: os.FileInfo shows no number of the file here. Size and time, which never stands still, tell versions apart.
func inodeOf(fs.FileInfo) uint64 { return 0 }

// syncsFolders: a directory cannot be synced by itself.
const syncsFolders = false
