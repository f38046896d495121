package repository

import (
	"context"
	"crypto/sha1" //nolint:gosec // it is git's name for the content
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"golang.org/x/sync/errgroup"
)

// WorkflowFolder is where GitHub looks for workflows: not below, and not through links.
const WorkflowFolder = ".github/workflows"

// MaxFile is the size of the largest workflow file, in bytes (GitHub's limit is
// 1 MiB, see workflow.Limits); a byte more tells that there is more.
const MaxFile = 1<<20 + 1

const (
	maxFiles = 1000 // what a listing holds (GitHub docs: rest/repos/contents)
	atOnce   = 8    // files being fetched
)

// File is a workflow file. Data is nil when it is larger than MaxFile.
type File struct {
	Path string
	SHA  string // git's name of the content
	Size int
	Data []byte
}

// entry of a listing; only plain files.
type entry struct {
	Name, Path, SHA, Type string
	Size                  int
	Submodule             string `json:"submodule_git_url"`
}

// Workflows are the workflow files at a commit in the order of their names; none
// when the commit has no such folder. Symbolic links, folders and submodules are
// passed over, as on GitHub.
func (r *Reader) Workflows(ctx context.Context, ref Ref, sha string) ([]File, error) {
	doing := fmt.Sprintf("read the workflows of %q at %q", ref.FullName(), sha)
	entries, err := r.list(ctx, doing, ref, sha, WorkflowFolder)
	if err != nil {
		return nil, err
	}
	var files []File
	for _, e := range entries {
		if strings.HasSuffix(e.Name, ".yml") || strings.HasSuffix(e.Name, ".yaml") {
			files = append(files, File{Path: e.Path, SHA: e.SHA, Size: e.Size})
		}
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(atOnce)
	for i := range files {
		if f := &files[i]; f.Size <= MaxFile {
			group.Go(func() (err error) {
				f.Data, err = r.blob(ctx, doing, ref, f.SHA)
				return err
			})
		}
	}
	return files, group.Wait()
}

// File is one plain file at a commit.
func (r *Reader) File(ctx context.Context, ref Ref, sha, name string) ([]byte, error) {
	doing := fmt.Sprintf("read %q of %q at %q", name, ref.FullName(), sha)
	if !fs.ValidPath(name) {
		return nil, &Error{Doing: doing, Kind: NoFile}
	}
	folder := path.Dir(name)
	if folder == "." {
		folder = "" // the root
	}
	entries, err := r.list(ctx, doing, ref, sha, folder)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		switch {
		case e.Path != name:
		case e.Size > MaxFile:
			return nil, &Error{Doing: doing, Kind: TooLarge, Err: fmt.Errorf("it has %d bytes, more than %d", e.Size, MaxFile-1)}
		default:
			return r.blob(ctx, doing, ref, e.SHA)
		}
	}
	return nil, &Error{Doing: doing, Kind: NoFile}
}

// list gives the plain files of a folder at a commit, none when there is no such folder.
func (r *Reader) list(ctx context.Context, doing string, ref Ref, sha, folder string) ([]entry, error) {
	if !isHash(sha) {
		return nil, &Error{Doing: doing, Kind: NoCommit, Err: fmt.Errorf("%q names no commit", sha)}
	}
	key := fmt.Sprintf("list %d %s %s %s", ref.Installation, strings.ToLower(ref.FullName()), sha, folder)
	if v, ok := r.cache.value(key); ok {
		return v.([]entry), nil
	}
	var answer listing
	res, err := r.decode(ctx, ref, "contents/"+escape(folder)+"?ref="+sha, &answer)
	if err != nil {
		if err = refused(doing, NoFile, res, err); KindOf(err) != NoFile {
			return nil, err
		}
		// No folder, no commit or no repository: GitHub's answer is the same.
		if _, err := r.Commit(ctx, ref, sha); err != nil {
			return nil, err
		}
	}
	var files []entry
	cost := 0
	for _, e := range answer {
		if e.Type == "file" && e.Submodule == "" && isHash(e.SHA) && len(files) < maxFiles {
			files = append(files, e)
			cost += 128 + len(e.Name) + len(e.Path) + len(e.SHA)
		}
	}
	r.cache.keep(key, files, cost, 0)
	return files, nil
}

// listing is a folder; for anything else GitHub answers with an object.
type listing []entry

func (l *listing) UnmarshalJSON(data []byte) error {
	if len(data) == 0 || data[0] != '[' {
		return nil
	}
	return decodeJSON(data, (*[]entry)(l))
}

// blob is a content by its name; one that does not have that name is refused.
func (r *Reader) blob(ctx context.Context, doing string, ref Ref, sha string) ([]byte, error) {
	key := "blob " + sha
	if v, ok := r.cache.value(key); ok {
		return v.([]byte), nil
	}
	data, res, err := r.get(ctx, ref, "git/blobs/"+sha, asRaw, MaxFile)
	if err != nil {
		return nil, refused(doing, NoFile, res, err)
	}
	if got := gitName(data, len(sha)); got != sha {
		return nil, fmt.Errorf("%s: GitHub gave content %s for %s", doing, got, sha)
	}
	r.cache.keep(key, data, len(data), 0)
	return data, nil
}

// gitName is git's hash of a file's content, in the repository's kind of hashes.
func gitName(data []byte, digits int) string {
	h := sha1.New() //nolint:gosec // as above
	if digits == 2*sha256.Size {
		h = sha256.New()
	}
	fmt.Fprintf(h, "blob %d\x00", len(data))
	h.Write(data)
	return hex.EncodeToString(h.Sum(nil))
}

func isHash(text string) bool {
	return (len(text) == 40 || len(text) == 64) && strings.Trim(text, "0123456789abcdef") == "" && strings.Trim(text, "0") != ""
}
