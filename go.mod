module github.com/holdall-go/holdall

go 1.26.0

require golang.org/x/sys v0.50.0
