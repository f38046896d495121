package workflow

import (
	"fmt"
	"strings"
)

// maxID is the first length that is too long (actions/runner: IdBuilder.cs).
const maxID = 100

// checkID checks the id of a job or step. The doubled word is GitHub's; people
// search for the text.
func (r *report) checkID(n *Node) bool {
	id := n.ScalarText()
	if !validID(id) {
		r.add(n.Pos, "id", fmt.Sprintf("The identifier '%s' is invalid. IDs may only contain alphanumeric characters, '_', and '-'. IDs must start with a letter or '_' and and must be less than %d characters.", id, maxID), "")
		return false
	}
	if strings.HasPrefix(id, "__") {
		r.add(n.Pos, "id", reservedID(id), "")
		return false
	}
	return true
}

func reservedID(id string) string {
	return fmt.Sprintf("The identifier '%s' is invalid. IDs starting with '__' are reserved.", id)
}

func validID(id string) bool {
	if id == "" || len(id) >= maxID {
		return false
	}
	for i := range len(id) {
		switch c := id[i]; {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c == '_':
		case i > 0 && (c >= '0' && c <= '9' || c == '-'):
		default:
			return false
		}
	}
	return true
}
