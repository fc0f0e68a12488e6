package holdall_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
)

// mayEmbedBucket are the types that may embed a blob.Bucket, by file, each for the reason beside it.
var mayEmbedBucket = map[string]string{
	"blob/wrapper.go inner":         "the bases of wrappers are made of it",
	"blob/wrapper_test.go noBucket": "it shows which calls of a base are passed on",
}

// A wrapper embeds one of the bases that package blob has for it. One that embeds a Bucket compiles as well, but loses
// the bucket's name in errors, refuses its Provider options, and does not know that it was closed.
func TestWrappersEmbedABase(t *testing.T) {
	walk(t, func(file string) {
		if path.Ext(file) != ".go" {
			return
		}
		f, err := parser.ParseFile(token.NewFileSet(), filepath.FromSlash(file), nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range embedsBucket(f) {
			if mayEmbedBucket[file+" "+name] == "" {
				t.Errorf("%s: %s embeds a Bucket; a wrapper embeds a blob.Wrapper or a blob.Restricted", file, name)
			}
		}
	})
}

func TestEmbeddedBucketsAreSeen(t *testing.T) {
	f, err := parser.ParseFile(token.NewFileSet(), "x.go", `package x
import holdall "github.com/holdall-go/holdall/blob"
type a struct{ holdall.Bucket }
type b struct { n int; holdall.Bucket }
type c struct{ Bucket holdall.Bucket }
type d struct{ other.Bucket }
type e struct{ holdall.Wrapper }
var g = struct{ holdall.Bucket }{}
`, 0)
	if err != nil {
		t.Fatal(err)
	}
	if got := embedsBucket(f); !slices.Equal(got, []string{"a", "b", "a struct without a name"}) {
		t.Errorf("%q are seen", got)
	}
}

// embedsBucket returns the names of the types of a file that embed a blob.Bucket.
func embedsBucket(f *ast.File) []string {
	pkg := "" // the name of package blob in the file
	for _, i := range f.Imports {
		if imported, _ := strconv.Unquote(i.Path.Value); imported == root+"/blob" {
			if pkg = "blob"; i.Name != nil {
				pkg = i.Name.Name
			}
		}
	}
	var found []string
	names := map[ast.Node]string{}
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.TypeSpec:
			names[n.Type] = n.Name.Name
		case *ast.StructType:
			for _, field := range n.Fields.List {
				if len(field.Names) == 0 && isBucket(field.Type, pkg, f.Name.Name) {
					name := names[n]
					if name == "" {
						name = "a struct without a name"
					}
					found = append(found, name)
				}
			}
		}
		return true
	})
	return found
}

// isBucket reports whether an expression is the type Bucket of package blob, which has the name pkg in a file of package in.
func isBucket(e ast.Expr, pkg, in string) bool {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name == "Bucket" && in == "blob"
	case *ast.SelectorExpr:
		x, ok := e.X.(*ast.Ident)
		return ok && pkg != "" && x.Name == pkg && e.Sel.Name == "Bucket"
	}
	return false
}
