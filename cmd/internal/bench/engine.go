package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
)

// engine speaks just enough of the engine's HTTP interface to run a job by
// hand: create, start, one exec a command, remove.
type engine struct {
	socket, image string
	once          sync.Once
	client        *http.Client
}

func (e *engine) job(ctx context.Context, commands ...string) error {
	e.once.Do(func() {
		e.client = &http.Client{Transport: &http.Transport{
			DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
				return (&net.Dialer{}).DialContext(ctx, "unix", e.socket)
			},
			MaxIdleConnsPerHost: 16,
		}}
	})
	var created struct{ ID string }
	err := e.call(ctx, "POST", "/containers/create", map[string]any{
		"Image": e.image, "Entrypoint": []string{"sleep", "3600"},
	}, &created)
	if err != nil {
		return err
	}
	defer func() { _ = e.call(ctx, "DELETE", "/containers/"+created.ID+"?force=1&v=1", nil, nil) }()
	if err := e.call(ctx, "POST", "/containers/"+created.ID+"/start", nil, nil); err != nil {
		return err
	}
	for _, c := range commands {
		var exec struct{ ID string }
		err := e.call(ctx, "POST", "/containers/"+created.ID+"/exec", map[string]any{
			"AttachStdout": true, "AttachStderr": true, "Cmd": []string{"bash", "-e", "-c", c},
		}, &exec)
		if err != nil {
			return err
		}
		// The answer ends when the command does.
		if err := e.call(ctx, "POST", "/exec/"+exec.ID+"/start", map[string]any{"Detach": false}, nil); err != nil {
			return err
		}
	}
	return nil
}

func (e *engine) call(ctx context.Context, method, path string, in, out any) error {
	var body io.Reader
	if in != nil {
		data, err := json.Marshal(in)
		if err != nil {
			return err
		}
		body = bytes.NewReader(data)
	}
	req, err := http.NewRequestWithContext(ctx, method, "http://engine"+path, body)
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := e.client.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	data, err := io.ReadAll(res.Body)
	if err != nil {
		return err
	}
	if res.StatusCode >= 400 {
		return fmt.Errorf("%s %s: %s: %s", method, path, res.Status, bytes.TrimSpace(data))
	}
	if out == nil {
		return nil
	}
	return json.Unmarshal(data, out)
}
