// C4p takes proposals for talks.
package main

import (
	"encoding/json"
	"log"
	"net/http"

	"example.com/conference/internal/talk"
	"example.com/conference/internal/web"
)

func main() {
	http.HandleFunc("POST /proposals", func(w http.ResponseWriter, r *http.Request) {
		var proposal talk.Talk
		if err := json.NewDecoder(r.Body).Decode(&proposal); err != nil || !proposal.Valid() {
			http.Error(w, "a proposal has a title, a speaker and a length", http.StatusBadRequest)
			return
		}
		web.Answer(w, proposal)
	})
	log.Fatal(web.Serve())
}
