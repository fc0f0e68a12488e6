//go:build !linux

package file

import "runtime"

// openRoot opens the root of a tree, which may be reached over links, unlike everything in it.
func openRoot(dir string, _ bool) (folder, error) { return openPortable(dir) }

// foldsCase tells whether the file system takes names for one that differ in case, as those of Windows and macOS do
// unless they were made otherwise.
func foldsCase(string) (bool, error) {
	return runtime.GOOS == "windows" || runtime.GOOS == "darwin", nil
}
