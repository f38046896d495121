# Three images: drydock with the git that it fetches actions with (the default), and
# what brings its helper into the pods of jobs, without node (target helper) or with
# it (target helper-node; set kubernetes.externals to /externals). No shell in any,
# and none is root.
FROM golang:1.26 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG VERSION=dev
RUN make build VERSION="$VERSION" \
 && mkdir -p /out/tmp /out/etc/ssl/certs /out/home/drydock /out/usr/local/bin \
 && chmod 1777 /out/tmp && chown 65532:65532 /out/home/drydock \
 && echo 'drydock:x:65532:65532:drydock:/home/drydock:/sbin/nologin' > /out/etc/passwd \
 && cp /etc/ssl/certs/ca-certificates.crt /out/etc/ssl/certs/ \
 && cp bin/drydock /out/usr/local/bin/ \
 && deploy/image/git.sh /out \
 && mkdir /helper && cp "executor/helper/program/linux-$(go env GOARCH)" /helper/drydock-helper

FROM scratch AS helper
COPY --from=build /helper/ /
USER 65532:65532
ENTRYPOINT ["/drydock-helper"]

FROM node:20-bookworm-slim AS node20
FROM node:24-bookworm-slim AS node24
FROM node:20-alpine AS node20-musl
FROM node:24-alpine AS node24-musl

FROM helper AS helper-node
COPY --from=node20 /usr/local/bin/node /externals/node20/bin/node
COPY --from=node24 /usr/local/bin/node /externals/node24/bin/node
COPY --from=node20-musl /usr/local/bin/node /externals/node20_musl/bin/node
COPY --from=node24-musl /usr/local/bin/node /externals/node24_musl/bin/node

FROM scratch AS drydock
COPY --from=build /out/ /
ENV HOME=/home/drydock PATH=/usr/local/bin:/usr/bin
USER 65532:65532
WORKDIR /home/drydock
ENTRYPOINT ["/usr/local/bin/drydock"]
