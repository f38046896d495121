// Agenda lists the talks.
package main

import (
	"log"
	"net/http"

	"example.com/conference/internal/talk"
	"example.com/conference/internal/web"
)

func main() {
	talks := []talk.Talk{{Title: "Pipelines", Speaker: "Ada", Minutes: 30}}
	http.HandleFunc("GET /talks", func(w http.ResponseWriter, _ *http.Request) { web.Answer(w, talks) })
	log.Fatal(web.Serve())
}
