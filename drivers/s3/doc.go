// Package s3 makes a bucket of AWS S3, or of a server that speaks its protocol, a [blob.Bucket].
package s3
