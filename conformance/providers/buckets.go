package providers

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"sync"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"
)

// makeBucket makes a bucket. One that an earlier attempt has made is as good.
func makeBucket(ctx context.Context, client *s3.Client, name string, opts ...func(*s3.Options)) error {
	_, err := client.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: &name}, opts...)
	if has(err, "BucketAlreadyOwnedByYou") {
		return nil
	}
	return err
}

// removeBucket removes a bucket and all that is in it: objects, their versions, and unfinished uploads.
func removeBucket(ctx context.Context, client *s3.Client, name string) error {
	if err := errors.Join(removeUploads(ctx, client, name), removeObjects(ctx, client, name), removeVersions(ctx, client, name)); err != nil {
		return fmt.Errorf("emptying bucket %s: %w", name, err)
	}
	_, err := client.DeleteBucket(ctx, &s3.DeleteBucketInput{Bucket: &name})
	if err != nil && !has(err, "NoSuchBucket") {
		return fmt.Errorf("removing bucket %s: %w", name, err)
	}
	return nil
}

// removeObjects removes the newest version of every object. Deleting while listing is fine: the listing is by key.
func removeObjects(ctx context.Context, client *s3.Client, name string) error {
	pages := s3.NewListObjectsV2Paginator(client, &s3.ListObjectsV2Input{Bucket: &name, EncodingType: types.EncodingTypeUrl})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return ignoreMissing(err)
		}
		err = atOnce(page.Contents, func(o types.Object) error {
			_, err := client.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &name, Key: listed(o.Key, page.EncodingType)})
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// removeVersions removes the first versions that are listed, until none are. Those of one key go one after the other: of
// two at once, versitygw may not find the one that is taking the other's place.
func removeVersions(ctx context.Context, client *s3.Client, name string) error {
	for {
		page, err := client.ListObjectVersions(ctx, &s3.ListObjectVersionsInput{Bucket: &name, EncodingType: types.EncodingTypeUrl})
		if err != nil {
			return ignoreMissing(err)
		}
		versions := map[string][]*string{} // by key
		add := func(key, version *string) {
			k := *listed(key, page.EncodingType)
			versions[k] = append(versions[k], version)
		}
		for _, v := range page.Versions {
			add(v.Key, v.VersionId)
		}
		for _, m := range page.DeleteMarkers {
			add(m.Key, m.VersionId)
		}
		if len(versions) == 0 {
			return nil
		}
		err = atOnce(slices.Collect(maps.Keys(versions)), func(key string) error {
			for _, v := range versions[key] {
				if _, err := client.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &name, Key: &key, VersionId: v}); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
}

func removeUploads(ctx context.Context, client *s3.Client, name string) error {
	pages := s3.NewListMultipartUploadsPaginator(client, &s3.ListMultipartUploadsInput{Bucket: &name})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return ignoreMissing(err)
		}
		err = atOnce(page.Uploads, func(u types.MultipartUpload) error {
			_, err := client.AbortMultipartUpload(ctx, &s3.AbortMultipartUploadInput{Bucket: &name, Key: u.Key, UploadId: u.UploadId})
			if has(err, "NoSuchUpload") {
				return nil
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// listed reads a key of a listing, which says whether it is encoded as in a query: XML could not say all keys.
func listed(key *string, encoding types.EncodingType) *string {
	if encoding == types.EncodingTypeUrl {
		if k, err := url.QueryUnescape(*key); err == nil {
			return &k
		}
	}
	return key
}

// atOnce calls f for each of all, for eight at a time, which is what the client keeps connections for.
func atOnce[T any](all []T, f func(T) error) error {
	errs := make([]error, len(all))
	var working sync.WaitGroup
	turns := make(chan struct{}, 8)
	for i, one := range all {
		turns <- struct{}{}
		working.Go(func() {
			defer func() { <-turns }()
			errs[i] = f(one)
		})
	}
	working.Wait()
	return errors.Join(errs...)
}

// ignoreMissing takes it for nothing that the bucket is gone, or that the server has no such thing as was asked for.
func ignoreMissing(err error) error {
	if has(err, "NoSuchBucket") || has(err, "NotImplemented") || has(err, "NoSuchVersion") {
		return nil
	}
	return err
}

// has tells whether err is an answer of the server with that code.
func has(err error, code string) bool {
	var answer smithy.APIError
	return errors.As(err, &answer) && answer.ErrorCode() == code
}
