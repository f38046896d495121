package artifact

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/drydock-ci/drydock/runner/service/token"
)

// contentRange is "bytes <first>-<last>/<total>"; an empty file has the last
// byte -1.
var contentRange = regexp.MustCompile(`^bytes (\d{1,18})-(-1|\d{1,18})/(\d{1,18})$`)

func (s *Service) loosePut(w http.ResponseWriter, r *http.Request, g token.Grant) error {
	c, a, err := s.ownContainer(r, g)
	if err != nil {
		return err
	}
	if c == nil {
		return notFound("no job uploads to container %d", a.ID)
	}
	path, err := inside(a, r.URL.Query().Get("itemPath"))
	if err != nil {
		return invalid(err)
	}
	m := contentRange.FindStringSubmatch(r.Header.Get("Content-Range"))
	if m == nil {
		return invalid(fmt.Errorf("the header Content-Range, %.80q, is not of the form \"bytes FIRST-LAST/TOTAL\"", r.Header.Get("Content-Range")))
	}
	// No overflow: the pattern allows 18 digits.
	first, _ := strconv.ParseInt(m[1], 10, 64)
	last, _ := strconv.ParseInt(m[2], 10, 64)
	total, _ := strconv.ParseInt(m[3], 10, 64)
	length := last - first + 1
	switch {
	case length < 0, last >= total, length == 0 && total > 0:
		return invalid(fmt.Errorf("the header Content-Range, %q, names no bytes of the file", m[0]))
	case r.ContentLength >= 0 && r.ContentLength != length:
		return invalid(fmt.Errorf("the body has %d bytes, and the header Content-Range names %d", r.ContentLength, length))
	}
	file := looseFile{Path: path, Size: total, Gzip: strings.EqualFold(r.Header.Get("Content-Encoding"), "gzip")}
	if file.Gzip {
		if file.Size, err = strconv.ParseInt(r.Header.Get("x-tfs-filelength"), 10, 64); err != nil || file.Size < 0 {
			return invalid(errors.New("the header x-tfs-filelength with the uncompressed size is missing"))
		}
	}
	c.mu.Lock()
	many := len(c.files)+len(c.open[owner(g)]) >= maxLooseFiles
	c.mu.Unlock()
	if many {
		return failed(http.StatusForbidden, "resource_exhausted", "the artifact %q has %d files, and more are not allowed", a.Name, maxLooseFiles)
	}
	if err := s.putLoose(r.Context(), c, owner(g), file, first, length, total, r.Body); err != nil {
		return err
	}
	answer(w, http.StatusCreated, map[string]any{"containerId": a.ID, "path": a.Name + "/" + path, "itemType": "file", "status": "created"})
	return nil
}

// inside is the path below the artifact that an itemPath names.
func inside(a Artifact, itemPath string) (string, error) {
	path, err := cleanPath(itemPath)
	if err != nil {
		return "", err
	}
	rest, ok := strings.CutPrefix(path, a.Name+"/")
	if !ok {
		return "", fmt.Errorf("the itemPath %q does not begin with the artifact's name %q", path, a.Name)
	}
	return rest, nil
}

// ownContainer finds the artifact of a container id in the asker's own run;
// the container is nil when nobody uploads to it.
func (s *Service) ownContainer(r *http.Request, g token.Grant) (*container, Artifact, error) {
	missing := notFound("there is no container %.40q in run %s", r.PathValue("id"), g.Run)
	id, err := strconv.ParseInt(r.PathValue("id"), 10, 64)
	if err != nil {
		return nil, Artifact{}, missing
	}
	s.mu.Lock()
	c := s.containers[id]
	s.mu.Unlock()
	var a Artifact
	if c != nil {
		c.mu.Lock()
		a = c.artifact
		c.mu.Unlock()
	} else if a, err = s.ByID(r.Context(), id); errors.Is(err, fs.ErrNotExist) {
		return nil, a, missing
	} else if err != nil {
		return nil, a, err
	}
	if !a.Loose || a.Run != g.Run || !a.sameRepository(g) {
		return nil, Artifact{}, missing
	}
	return c, a, nil
}

// seen is what a download of the artifact gives.
func (s *Service) seen(r *http.Request, g token.Grant) (Artifact, []looseFile, error) {
	c, a, err := s.ownContainer(r, g)
	if err != nil {
		return a, nil, err
	}
	if c != nil {
		c.mu.Lock()
		stored := c.stored
		c.mu.Unlock()
		if !stored {
			return a, nil, nil
		}
	}
	files, err := s.looseFiles(r.Context(), a)
	return a, files, err
}

func (s *Service) looseItems(w http.ResponseWriter, r *http.Request, g token.Grant) error {
	a, files, err := s.seen(r, g)
	if err != nil {
		return err
	}
	origin, err := s.origin(r)
	if err != nil {
		return err
	}
	created := a.Created.UTC().Format(time.RFC3339)
	link := origin + containersPath + strconv.FormatInt(a.ID, 10) + "/"
	item := func(path, kind string) map[string]any {
		return map[string]any{
			"containerId": a.ID, "scopeIdentifier": "00000000-0000-0000-0000-000000000000", "path": path, "itemType": kind,
			"status": "created", "dateCreated": created, "dateLastModified": created, "createdBy": "", "lastModifiedBy": "",
			"contentId": "", "itemLocation": origin + containersPath + strconv.FormatInt(a.ID, 10) + "?itemPath=" + url.QueryEscape(path),
		}
	}
	items := []map[string]any{item(a.Name, "folder")}
	for i, file := range files {
		one := item(a.Name+"/"+file.Path, "file")
		one["fileLength"], one["fileEncoding"], one["fileType"], one["fileId"] = file.Size, 1, 1, i+1
		one["contentLocation"] = link + fileID(file)
		items = append(items, one)
	}
	answer(w, http.StatusOK, map[string]any{"count": len(items), "value": items})
	return nil
}

// fileID names a file in its container: the last part of its key.
func fileID(file looseFile) string { return file.Key[strings.LastIndexByte(file.Key, '/')+1:] }

var fileIDs = regexp.MustCompile(`^[a-z0-9]{10,64}(` + packedEnd + `)?$`)

func (s *Service) looseFetch(w http.ResponseWriter, r *http.Request, g token.Grant) error {
	_, a, err := s.ownContainer(r, g)
	if err != nil {
		return err
	}
	id := r.PathValue("file")
	missing := notFound("there is no file %.80q in container %d", id, a.ID)
	if !fileIDs.MatchString(id) {
		return missing
	}
	info, err := s.store.Stat(r.Context(), a.folder()+id)
	if errors.Is(err, fs.ErrNotExist) {
		return missing
	}
	if err != nil {
		return err
	}
	packed := strings.HasSuffix(id, packedEnd)
	asItIs := !packed || strings.Contains(strings.ToLower(r.Header.Get("Accept-Encoding")), "gzip")
	body, err := s.openLoose(r.Context(), info.Key, !asItIs)
	if err != nil {
		return err
	}
	defer body.Close()
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	if packed && asItIs {
		w.Header().Set("Content-Encoding", "gzip")
	}
	if asItIs {
		w.Header().Set("Content-Length", strconv.FormatInt(info.Size, 10))
	}
	if _, err := io.Copy(w, body); err != nil && r.Context().Err() == nil {
		s.log.Warn("send a file of an artifact", "run", g.Run, "err", err)
	}
	return nil
}
