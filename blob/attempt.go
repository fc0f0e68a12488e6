package blob

import "time"

// An Attempt is one request that a driver sent over the network, as its observer receives it: the Observe field of a
// driver's Config. A call of [Bucket] makes any number of them, repeated attempts, redirects, parts and removal of what a
// failed call has left included, which no wrapper sees. No field holds a secret.
//
// An attempt is reported when it has ended: when the response was read to its end or closed, so a Get is reported when
// its Reader is, or when the attempt failed. The observer is called by the goroutine that sent the request or reads the
// response, by several at once, and that waits for it to return.
type Attempt struct {
	Call     string        // the provider's name of the call, such as "PutObject" or "b2_upload_file"
	Number   int           // of the attempt in its call, from 1
	Status   int           // of HTTP; 0: there was no response
	Sent     int64         // bytes of the request's body that were sent
	Received int64         // bytes of the response's body that were read
	Duration time.Duration // from the request to the end of the response; of a download, as its reader reads it
	Err      error         // why the attempt failed, or nil
	Retried  bool          // the call is repeated because of Err, unless its context ends first
}
