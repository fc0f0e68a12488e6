package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/holdall-go/holdall/acl"
	"github.com/holdall-go/holdall/blob"
)

// A layout is what the tour needs to know of a tree: how much there is, and two folders to give rights in.
type layout struct {
	objects int
	bytes   int64

	first, second string // the two folders with the most objects
	inside        string // a folder below first, for the barrier
	open          string // an object of first, outside of inside
	hidden        string // an object of inside
}

// survey lists the whole bucket once. It needs two folders, and one more inside of the larger.
func survey(ctx context.Context, b blob.Bucket) (*layout, error) {
	l := &layout{}
	folders := map[string]int{}
	var subfolders []string // each once, in order
	firstObject := map[string]string{}
	for o, err := range b.List(ctx, nil) {
		if err != nil {
			return nil, err
		}
		l.objects++
		l.bytes += o.Size
		if acl.CheckKey(o.Key) != nil {
			continue // a name that views do not show
		}
		parts := strings.SplitAfterN(o.Key, "/", 3)
		if len(parts) == 1 {
			continue
		}
		folders[parts[0]]++
		folder := parts[0]
		if len(parts) == 3 {
			folder += parts[1]
			if _, seen := firstObject[folder]; !seen {
				subfolders = append(subfolders, folder)
			}
		}
		if _, seen := firstObject[folder]; !seen {
			firstObject[folder] = o.Key
		}
	}
	// The larger folder must have an object of its own and a folder inside.
	for _, sub := range subfolders {
		top := sub[:strings.Index(sub, "/")+1]
		if firstObject[top] != "" && (l.first == "" || folders[top] > folders[l.first]) {
			l.first, l.inside = top, sub
		}
	}
	for f, n := range folders {
		if f != l.first && (l.second == "" || n > folders[l.second] || n == folders[l.second] && f < l.second) {
			l.second = f
		}
	}
	if l.first == "" || l.second == "" {
		return nil, fmt.Errorf("the tour needs two folders, one of them with a file and with a folder of files inside; try another directory, or none for Go's own source")
	}
	l.open, l.hidden = firstObject[l.first], firstObject[l.inside]
	return l, nil
}
