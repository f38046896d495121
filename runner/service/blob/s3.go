package blob

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"net/http"
	"net/url"
	"path"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
)

// S3Options name a bucket. Endpoint and Bucket must be given.
type S3Options struct {
	Endpoint string // "https://s3.example.org", or http for a server in the same network
	Region   string // "": asked of the server
	Bucket   string // must exist
	Prefix   string // put before all keys, of the letters of keys; "": none
	// AccessKey and SecretKey; without them those of the environment
	// (AWS_ACCESS_KEY_ID...), of AWS's files or of the machine's role.
	AccessKey, SecretKey, SessionToken string
	PathStyle                          bool              // http://host/bucket instead of http://bucket.host
	Transport                          http.RoundTripper // nil: the client's own
}

// S3 is a Store in a bucket.
type S3 struct {
	client *minio.Client
	bucket string
	prefix string
}

// partSize is what is held in memory of a blob of unknown size.
const partSize = 16 << 20

// NewS3 makes the store; it asks the server for nothing yet.
func NewS3(o S3Options) (*S3, error) {
	link, err := url.Parse(o.Endpoint)
	if err != nil || link.Host == "" || link.Scheme != "http" && link.Scheme != "https" || strings.Trim(link.Path, "/") != "" {
		return nil, fmt.Errorf("S3 endpoint %q: must be http://HOST or https://HOST", o.Endpoint)
	}
	if o.Prefix != "" {
		if err := checkKey(strings.TrimSuffix(o.Prefix, "/")); err != nil {
			return nil, fmt.Errorf("S3 prefix: %w", err)
		}
	}
	from := credentials.NewStaticV4(o.AccessKey, o.SecretKey, o.SessionToken)
	if o.AccessKey == "" {
		from = credentials.NewChainCredentials([]credentials.Provider{
			&credentials.EnvAWS{}, &credentials.FileAWSCredentials{}, &credentials.IAM{},
		})
	}
	lookup := minio.BucketLookupAuto
	if o.PathStyle {
		lookup = minio.BucketLookupPath
	}
	client, err := minio.New(link.Host, &minio.Options{
		Creds: from, Secure: link.Scheme == "https", Region: o.Region, BucketLookup: lookup, Transport: o.Transport,
	})
	if err != nil {
		return nil, fmt.Errorf("S3 endpoint %q: %w", o.Endpoint, err)
	}
	s := &S3{client: client, bucket: o.Bucket, prefix: o.Prefix}
	if s.prefix != "" && !strings.HasSuffix(s.prefix, "/") {
		s.prefix += "/"
	}
	return s, nil
}

func (s *S3) Put(ctx context.Context, key string, r io.Reader, size int64) (Info, error) {
	if err := checkKey(key); err != nil {
		return Info{}, err
	}
	o := minio.PutObjectOptions{ContentType: "application/octet-stream"}
	if size < 0 {
		o.PartSize = partSize
	}
	return s.put(ctx, key, r, size, o)
}

func (s *S3) Create(ctx context.Context, key string, data []byte) (Info, error) {
	if err := checkKey(key); err != nil {
		return Info{}, err
	}
	o := minio.PutObjectOptions{ContentType: "application/json", DisableMultipart: true}
	o.SetMatchETagExcept("*") // S3's "If-None-Match: *": only one of many wins
	return s.put(ctx, key, bytes.NewReader(data), int64(len(data)), o)
}

func (s *S3) put(ctx context.Context, key string, r io.Reader, size int64, o minio.PutObjectOptions) (Info, error) {
	counted := &counter{r: r}
	if at, ok := r.(interface {
		io.Reader
		io.ReaderAt
		io.Seeker
	}); ok {
		r = at // parts are read from it as they are sent, several at once
	} else {
		r = counted
	}
	done, err := s.client.PutObject(ctx, s.bucket, s.prefix+key, r, size, o)
	if err == nil && size >= 0 && done.Size != size {
		err = fmt.Errorf("%w: %d of %d bytes", ErrSize, done.Size, size)
	}
	if err != nil {
		if size >= 0 && r == counted && counted.n < size && counted.ended {
			err = fmt.Errorf("%w: %d of %d bytes: %w", ErrSize, counted.n, size, err)
		}
		return Info{}, s.describe("store", key, err)
	}
	if done.LastModified.IsZero() {
		return s.Stat(ctx, key)
	}
	return Info{Key: key, Size: done.Size, Modified: done.LastModified}, nil
}

// counter notices that a reader ended early.
type counter struct {
	r     io.Reader
	n     int64
	ended bool
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	c.ended = c.ended || errors.Is(err, io.EOF)
	return n, err
}

func (s *S3) Open(ctx context.Context, key string, offset, length int64) (io.ReadCloser, error) {
	info, err := s.Stat(ctx, key) // a client of S3 hears only at the first read that there is nothing
	if err != nil {
		return nil, err
	}
	if offset < 0 {
		return nil, fmt.Errorf("open blob %q: negative offset %d", key, offset)
	}
	rest := max(info.Size-offset, 0)
	if length < 0 || length > rest {
		length = rest
	}
	if length == 0 {
		return io.NopCloser(bytes.NewReader(nil)), nil
	}
	var o minio.GetObjectOptions
	if err := o.SetRange(offset, offset+length-1); err != nil {
		return nil, s.describe("open", key, err)
	}
	core := minio.Core{Client: s.client}
	body, _, _, err := core.GetObject(ctx, s.bucket, s.prefix+key, o)
	if err != nil {
		return nil, s.describe("open", key, err)
	}
	return body, nil
}

func (s *S3) Stat(ctx context.Context, key string) (Info, error) {
	if err := checkKey(key); err != nil {
		return Info{}, err
	}
	info, err := s.client.StatObject(ctx, s.bucket, s.prefix+key, minio.StatObjectOptions{})
	if err != nil {
		return Info{}, s.describe("look up", key, err)
	}
	return Info{Key: key, Size: info.Size, Modified: info.LastModified}, nil
}

// Touch copies the blob onto itself, which S3 allows if something of it is
// replaced. Blobs over 5 GiB cannot be touched.
func (s *S3) Touch(ctx context.Context, key string) error {
	if err := checkKey(key); err != nil {
		return err
	}
	name := s.prefix + key
	_, err := s.client.CopyObject(ctx,
		minio.CopyDestOptions{
			Bucket: s.bucket, Object: name, ReplaceMetadata: true,
			UserMetadata: map[string]string{"touched": time.Now().UTC().Format(time.RFC3339)},
		},
		minio.CopySrcOptions{Bucket: s.bucket, Object: name})
	if err != nil {
		return s.describe("touch", key, err)
	}
	return nil
}

func (s *S3) Delete(ctx context.Context, key string) error {
	if err := checkKey(key); err != nil {
		return err
	}
	err := s.client.RemoveObject(ctx, s.bucket, s.prefix+key, minio.RemoveObjectOptions{})
	if err = s.describe("delete", key, err); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

func (s *S3) List(ctx context.Context, prefix string) iter.Seq2[Info, error] {
	return func(yield func(Info, error) bool) {
		if err := checkPrefix(prefix); err != nil {
			yield(Info{}, err)
			return
		}
		ctx, cancel := context.WithCancel(ctx) // ends the client's own reading ahead
		defer cancel()
		for o := range s.client.ListObjects(ctx, s.bucket, minio.ListObjectsOptions{Prefix: s.prefix + prefix, Recursive: true}) {
			if o.Err != nil {
				yield(Info{}, s.describe("list", prefix, o.Err))
				return
			}
			key := strings.TrimPrefix(o.Key, s.prefix)
			if checkKey(key) != nil {
				continue // not ours
			}
			if !yield(Info{Key: key, Size: o.Size, Modified: o.LastModified}, nil) {
				return
			}
		}
		if err := ctx.Err(); err != nil {
			yield(Info{}, s.describe("list", prefix, context.Cause(ctx)))
		}
	}
}

// describe makes of the server's answers the errors of a Store.
func (s *S3) describe(op, key string, err error) error {
	if err == nil {
		return nil
	}
	answer := minio.ToErrorResponse(err)
	switch {
	case answer.Code == minio.NoSuchKey || answer.StatusCode == http.StatusNotFound && answer.Code != minio.NoSuchBucket:
		err = fmt.Errorf("%w: %w", fs.ErrNotExist, err)
	case answer.StatusCode == http.StatusPreconditionFailed, answer.Code == minio.PreconditionFailed,
		answer.StatusCode == http.StatusConflict && answer.Code == "ConditionalRequestConflict":
		err = fmt.Errorf("%w: %w", fs.ErrExist, err)
	case answer.StatusCode == http.StatusInsufficientStorage:
		err = fmt.Errorf("%w: %w", ErrNoSpace, err)
	}
	return fmt.Errorf("%s blob %q in bucket %q: %w", op, path.Join(s.prefix, key), s.bucket, err)
}
