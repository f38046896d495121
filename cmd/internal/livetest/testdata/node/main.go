// Node stands in for node in the tests: it runs no JavaScript, but does what
// actions for artifacts do, told by the inputs.
package main

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
)

func main() {
	if len(os.Args) == 2 && os.Args[1] == "--version" {
		fmt.Println("v24.1.0")
		return
	}
	if err := run(os.Args[1]); err != nil {
		fmt.Println("::error::" + err.Error())
		os.Exit(1)
	}
}

func run(script string) error {
	text, err := os.ReadFile(script)
	if err != nil {
		return err
	}
	fmt.Printf("node runs %s: %s\n", filepath.Base(script), strings.TrimSpace(string(text)))
	if filepath.Base(script) != "main.js" {
		return nil
	}
	name, content := os.Getenv("INPUT_NAME"), os.Getenv("INPUT_CONTENT")
	switch os.Getenv("INPUT_DO") {
	case "upload":
		made, err := call("CreateArtifact", map[string]any{"name": name, "version": 4})
		if err != nil {
			return err
		}
		q, err := http.NewRequest(http.MethodPut, made["signed_upload_url"].(string), strings.NewReader(content))
		if err != nil {
			return err
		}
		q.Header.Set("x-ms-blob-type", "BlockBlob")
		if _, err := do(q); err != nil {
			return err
		}
		_, err = call("FinalizeArtifact", map[string]any{"name": name, "size": fmt.Sprint(len(content))})
		return err
	case "download":
		found, err := call("GetSignedArtifactURL", map[string]any{"name": name})
		if err != nil {
			return err
		}
		q, err := http.NewRequest(http.MethodGet, found["signed_url"].(string), nil)
		if err != nil {
			return err
		}
		body, err := do(q)
		if err != nil {
			return err
		}
		f, err := os.OpenFile(os.Getenv("GITHUB_OUTPUT"), os.O_APPEND|os.O_WRONLY, 0)
		if err != nil {
			return err
		}
		fmt.Fprintf(f, "content=%s\n", body)
		return f.Close()
	}
	return nil
}

// call asks the artifact service, as the job that the token is of.
func call(method string, message map[string]any) (map[string]any, error) {
	token := os.Getenv("ACTIONS_RUNTIME_TOKEN")
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return nil, fmt.Errorf("there is no token")
	}
	raw, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return nil, err
	}
	var claims struct {
		Scopes string `json:"scp"`
	}
	if err := json.Unmarshal(raw, &claims); err != nil {
		return nil, err
	}
	for s := range strings.FieldsSeq(claims.Scopes) {
		if ids := strings.Split(s, ":"); ids[0] == "Actions.Results" && len(ids) == 3 {
			message["workflow_run_backend_id"], message["workflow_job_run_backend_id"] = ids[1], ids[2]
		}
	}
	body, err := json.Marshal(message)
	if err != nil {
		return nil, err
	}
	q, err := http.NewRequest(http.MethodPost, os.Getenv("ACTIONS_RESULTS_URL")+"twirp/github.actions.results.api.v1.ArtifactService/"+method, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	q.Header.Set("Content-Type", "application/json")
	q.Header.Set("Authorization", "Bearer "+token)
	answer, err := do(q)
	if err != nil {
		return nil, err
	}
	var out map[string]any
	return out, json.Unmarshal(answer, &out)
}

func do(q *http.Request) ([]byte, error) {
	r, err := http.DefaultClient.Do(q)
	if err != nil {
		return nil, err
	}
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	if err == nil && r.StatusCode >= 300 {
		err = fmt.Errorf("%s %s: %s: %s", q.Method, q.URL.Path, r.Status, body)
	}
	return body, err
}
