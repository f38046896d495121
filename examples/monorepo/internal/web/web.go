// Package web is what the services answer with.
package web

import (
	"encoding/json"
	"log"
	"net/http"
	"os"
)

// Answer writes JSON.
func Answer(w http.ResponseWriter, value any) {
	w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(w).Encode(value); err != nil {
		log.Print(err)
	}
}

// Serve listens at PORT, or at 8080.
func Serve() error {
	port := os.Getenv("PORT")
	if port == "" {
		port = "8080"
	}
	return http.ListenAndServe(":"+port, nil)
}
