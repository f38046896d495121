// Tickets prints a ticket.
package main

import (
	_ "embed"
	"log"
	"os"
	"text/template"
)

//go:embed ticket.txt
var ticket string

func main() {
	t, err := template.New("ticket").Parse(ticket)
	if err != nil {
		log.Fatal(err)
	}
	if err := t.Execute(os.Stdout, struct{ Name string }{os.Getenv("NAME")}); err != nil {
		log.Fatal(err)
	}
}
