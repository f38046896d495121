# drydock alone: one static binary, no shell, not root.
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
 && mkdir /helper && cp "executor/helper/program/linux-$(go env GOARCH)" /helper/drydock-helper

# What brings the helper into pods: docker build --target helper .
FROM scratch AS helper
COPY --from=build /helper/ /
USER 65532:65532
ENTRYPOINT ["/drydock-helper"]

FROM scratch
COPY --from=build /out/ /
ENV HOME=/home/drydock PATH=/usr/local/bin
USER 65532:65532
WORKDIR /home/drydock
ENTRYPOINT ["/usr/local/bin/drydock"]
