// Notifications writes to speakers.
package main

import (
	"encoding/json"
	"fmt"
	"log"
	"os"

	"example.com/conference/internal/talk"
)

func main() {
	var accepted talk.Talk
	if err := json.NewDecoder(os.Stdin).Decode(&accepted); err != nil {
		log.Fatal(err)
	}
	fmt.Printf("Dear %s, %q is accepted.\n", accepted.Speaker, accepted.Title)
}
