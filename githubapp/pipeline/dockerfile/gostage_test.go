package dockerfile

import "testing"

func TestGoMain(t *testing.T) {
	const head, tail = "FROM golang:1.24 AS build\n", "\nFROM scratch\nCOPY --from=build /out/web /web\n"
	for _, tt := range []struct {
		name, src string
		main      string // of "COPY ."; empty: all of it matters
	}{
		{"plain", head + "WORKDIR /src\nCOPY . .\nRUN go build -o /out/web ./cmd/web" + tail, "cmd/web"},
		{"usual", head + "WORKDIR /src\nRUN apk add git | tee log\nCOPY go.mod go.sum ./\nRUN --mount=type=cache,target=/root/.cache go mod download\nCOPY . .\nARG TARGETOS TARGETARCH\n" +
			"RUN CGO_ENABLED=0 GOOS=$TARGETOS GOARCH=${TARGETARCH} go build -trimpath -ldflags=\"-s -w -X main.version=1\" -o /out/web ./cmd/web" + tail, "cmd/web"},
		{"absolute", head + "COPY . /src\nWORKDIR /src/cmd/web\nRUN go build -o /out/web" + tail, "cmd/web"},
		{"root", head + "WORKDIR /src\nCOPY . .\nRUN go build -o /out/web ." + tail, "."},
		{"stages", "FROM golang AS deps\nWORKDIR /src\nCOPY go.mod .\nFROM deps AS build\nCOPY . .\nRUN go mod verify && go build -o /out/web ./cmd/web" + tail, "cmd/web"},
		{"folders", head + "WORKDIR /src\nCOPY lib ./lib\nCOPY . .\nRUN go build -o /out/web ./cmd/web" + tail, "cmd/web"},
		{"folder of the output", head + "WORKDIR /src\nCOPY . .\nRUN go build -o /out/ ./cmd/web" + tail, "cmd/web"},
		{"static", head + "WORKDIR /src\nCOPY . .\nRUN go build -ldflags '-s -linkmode external -extldflags \"-static\" -X example.com/my-lib.V=1' -o /out/web ./cmd/web" + tail, "cmd/web"},
		{"value in quotes", head + "ARG V\nWORKDIR /src\nCOPY . .\nRUN go build -ldflags=\"-X main.v=$V\" -o /out/web ./cmd/web" + tail, "cmd/web"},

		{"heredoc", head + "WORKDIR /src\nCOPY . .\nCOPY <<EOF /src/go.work\nuse .\nEOF\nRUN go build -o /out/web ./cmd/web" + tail, ""},
		{"heredoc in a base", "FROM golang AS base\nCOPY <<EOF /src/go.work\nuse .\nEOF\nFROM base AS build\nWORKDIR /src\nCOPY . .\nRUN go build -o /out/web ./cmd/web" + tail, ""},
		{"excluded", head + "WORKDIR /src\nCOPY --exclude=go.work . .\nRUN go build -o /out/web ./cmd/web" + tail, ""},
		{"something else in a base", "FROM golang AS base\nCOPY other/go.work /src/\nRUN true\nFROM base AS build\nWORKDIR /src\nCOPY . .\nRUN go build -o /out/web ./cmd/web" + tail, ""},
		{"a trigger", "FROM golang AS base\nONBUILD RUN go work init\nFROM base AS build\nWORKDIR /src\nCOPY . .\nRUN go build -o /out/web ./cmd/web" + tail, ""},
		{"workspace made before", head + "WORKDIR /src\nRUN echo use ./other >go.work\nCOPY . .\nRUN go build -o /out/web ./cmd/web" + tail, ""},
		{"settings made before", head + "RUN go env -w GOFLAGS=-overlay=o.json\nWORKDIR /src\nCOPY . .\nRUN go build -o /out/web ./cmd/web" + tail, ""},
		{"words of a variable", head + "ARG TAGS\nWORKDIR /src\nCOPY . .\nRUN go build -tags=$TAGS -o /out/web ./cmd/web" + tail, ""},
		{"linked files", head + "WORKDIR /src\nCOPY . .\nRUN go build -ldflags='-extldflags \"-L/src/lib -lx\"' -o /out/web ./cmd/web" + tail, ""},
		{"other commands", head + "WORKDIR /src\nCOPY . .\nRUN go generate ./... && go build -o /out/web ./cmd/web" + tail, ""},
		{"a shell's trick", head + "WORKDIR /src\nCOPY . .\nRUN go build -o /out/web ./cmd/web; cp -r docs /out/web" + tail, ""},
		{"substitution", head + "WORKDIR /src\nCOPY . .\nRUN go build -ldflags=\"-X main.v=$(cat VERSION)\" -o /out/web ./cmd/web" + tail, ""},
		{"a newline in quotes", head + "WORKDIR /src\nCOPY . .\nRUN <<EOF\ngo build -o /out/web ./cmd/web\ncp a b\nEOF" + tail, ""},
		{"takes more", head + "WORKDIR /src\nCOPY . .\nRUN go build -o /out/web ./cmd/web" + tail + "COPY --from=build /src/docs /docs\n", ""},
		{"takes above", head + "WORKDIR /src\nCOPY . .\nRUN go build -o /out/web ./cmd/web\nFROM scratch\nCOPY --from=build / /\n", ""},
		{"mounts it", head + "WORKDIR /src\nCOPY . .\nRUN go build -o /out/web ./cmd/web\nFROM alpine\nRUN --mount=from=build,target=/x cp /x/src/a .\nCOPY --from=build /out/web /", ""},
		{"starts from it", head + "WORKDIR /src\nCOPY . .\nRUN go build -o /out/web ./cmd/web\nFROM build\n", ""},
		{"is the image", head + "WORKDIR /src\nCOPY . .\nRUN go build -o /out/web ./cmd/web\n", ""},
		{"output in the context", head + "WORKDIR /src\nCOPY . .\nRUN go build -o /src/web ./cmd/web\nFROM scratch\nCOPY --from=build /src/web /web", ""},
		{"output around the context", head + "WORKDIR /out/web\nCOPY . .\nRUN go build -o /out/web ./cmd/web" + tail, ""},
		{"two programs", head + "WORKDIR /src\nCOPY . .\nRUN go build -o /out/web ./cmd/web && go build -o /out/other ./cmd/other" + tail, ""},
		{"all programs", head + "WORKDIR /src\nCOPY . .\nRUN go build -o /out/web ./cmd/..." + tail, ""},
		{"overlay", head + "WORKDIR /src\nCOPY . .\nRUN go build -overlay=o.json -o /out/web ./cmd/web" + tail, ""},
		{"flags by variable", head + "ENV GOFLAGS=-overlay=o.json\nWORKDIR /src\nCOPY . .\nRUN go build -o /out/web ./cmd/web" + tail, ""},
		{"flags by variable of a base", "FROM golang AS base\nARG GOFLAGS\nFROM base AS build\nWORKDIR /src\nCOPY . .\nRUN go build -o /out/web ./cmd/web" + tail, ""},
		{"flags in front", head + "WORKDIR /src\nCOPY . .\nRUN GOFLAGS=-modfile=x go build -o /out/web ./cmd/web" + tail, ""},
		{"another layout", head + "WORKDIR /src\nCOPY docs ./cmd\nCOPY . .\nRUN go build -o /out/web ./cmd/web" + tail, ""},
		{"unknown folder", head + "COPY . .\nRUN go build -o /out/web ./cmd/web" + tail, ""},
		{"package by a variable", head + "ARG P\nWORKDIR /src\nCOPY . .\nRUN go build -o /out/web ./cmd/$P" + tail, ""},
		{"bind mount", head + "WORKDIR /src\nCOPY . .\nRUN --mount=type=bind,target=/x go build -o /out/web ./cmd/web" + tail, ""},
		{"shell", head + "SHELL [\"sh\"]\nWORKDIR /src\nCOPY . .\nRUN go build -o /out/web ./cmd/web" + tail, ""},
	} {
		in, err := Analyze([]byte(tt.src), Options{Platforms: []string{"linux/amd64"}})
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		seen := false
		for _, s := range in.Sources {
			if s.Pattern == "." && s.Text == "COPY ." {
				seen = true
				if s.GoMain != tt.main {
					t.Errorf("%s: %q, want %q", tt.name, s.GoMain, tt.main)
				}
			}
		}
		if !seen {
			t.Errorf("%s: no COPY . in %+v", tt.name, in.Sources)
		}
	}
}
