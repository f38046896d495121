package declaration

import (
	"encoding/json"
	"strings"
)

// Shapes of values, as JSON schema says them.
var (
	anyScalar      = map[string]any{"type": []string{"string", "number", "boolean"}}
	text           = map[string]any{"type": "string", "minLength": 1}
	texts          = either(text, map[string]any{"type": "array", "items": text})
	platformSchema = either(platformText, map[string]any{"type": "array", "items": platformText})
	provenances    = map[string]any{"enum": []string{"min", "max"}}
	platformText   = map[string]any{"enum": platforms}
)

func either(shapes ...map[string]any) map[string]any { return map[string]any{"anyOf": shapes} }

// object is the shape of a mapping with these keys.
func object[T any](keys []key[T]) map[string]any {
	properties := map[string]any{}
	for _, k := range keys {
		described := map[string]any{"description": k.doc}
		for name, value := range k.schema {
			described[name] = value
		}
		properties[k.name] = described
	}
	return map[string]any{"type": "object", "additionalProperties": false, "properties": properties}
}

// Schema is the JSON schema of a drydock.yaml's services, for editors. The other
// keys of the file are free in it.
func Schema() ([]byte, error) {
	service := object(serviceKeys)
	service["required"] = []string{"path", "image"}
	// build: ko is short for ko in the service's folder.
	properties := service["properties"].(map[string]any)
	build := properties["build"].(map[string]any)
	properties["build"] = map[string]any{"description": build["description"], "anyOf": []any{map[string]any{"const": "ko"}, object(buildKeys)}}
	schema := map[string]any{
		"$schema": "https://json-schema.org/draft/2020-12/schema",
		"title":   "drydock.yaml",
		"type":    "object",
		"properties": map[string]any{
			"services": map[string]any{
				"description":          "The services of this repository: each becomes an image, built when a change touches what it is made from.",
				"type":                 "object",
				"patternProperties":    map[string]any{name.String(): service, "_": true},
				"additionalProperties": false,
			},
		},
	}
	var b strings.Builder
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(schema); err != nil {
		return nil, err
	}
	return []byte(b.String()), nil
}
