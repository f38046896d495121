// Gateway is the way in.
package main

import (
	"log"
	"net/http"

	"example.com/conference/internal/web"
)

func main() {
	http.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { web.Answer(w, "ok") })
	log.Fatal(web.Serve())
}
