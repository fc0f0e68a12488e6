package main

import (
	"context"
	"fmt"
	"io"
	"strings"

	"gocloud.dev/blob"
	"gocloud.dev/gcerrors"
)

// This file is a program as it was written for gocloud.dev. It knows nothing else, and is not changed.

// An album keeps photos and their captions in a bucket.
type album struct{ bucket *blob.Bucket }

func (a *album) add(ctx context.Context, key, caption string, photo io.Reader) error {
	return a.bucket.Upload(ctx, key, photo, &blob.WriterOptions{
		ContentType: "image/jpeg",
		Metadata:    map[string]string{"caption": caption},
	})
}

// show prints a folder, each photo with its caption, and what lies below it.
func (a *album) show(ctx context.Context, w io.Writer, folder string) error {
	for it := a.bucket.List(&blob.ListOptions{Prefix: folder, Delimiter: "/"}); ; {
		o, err := it.Next(ctx)
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		name := strings.TrimPrefix(o.Key, folder)
		if o.IsDir {
			fmt.Fprintf(w, "  %s\n", name)
			continue
		}
		attrs, err := a.bucket.Attributes(ctx, o.Key)
		if err != nil {
			return err
		}
		fmt.Fprintf(w, "  %-12s %3d bytes  %s\n", name, o.Size, attrs.Metadata["caption"])
	}
}

// look opens a photo, as a page would that somebody asks for.
func (a *album) look(ctx context.Context, w io.Writer, key string) error {
	_, err := a.bucket.ReadAll(ctx, key)
	switch gcerrors.Code(err) {
	case gcerrors.OK:
		fmt.Fprintf(w, "  %s: here it is\n", key)
	case gcerrors.NotFound:
		fmt.Fprintf(w, "  %s: 404\n", key)
	case gcerrors.PermissionDenied:
		fmt.Fprintf(w, "  %s: 403\n", key)
	default:
		return err
	}
	return nil
}
